package dev.sonde.samples;

import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.methods.ActivationPatching;
import dev.sonde.methods.Metric;

/** Where does a language model keep the country whose capital it is about to name? */
@Experiment(model = "smollm2")
final class CapitalPatching {
    /** The prompt whose activations are given. */
    @Param
    String clean = "The capital of France is";

    /** The prompt that receives them; as many tokens. */
    @Param
    String corrupt = "The capital of Italy is";

    /** What follows the clean prompt. */
    @Param(token = true)
    String answer = " Paris";

    /** What follows the corrupt prompt. */
    @Param(token = true)
    String foil = " Rome";

    record Found(Saved<Tensor> recovered) {}

    @Body
    Found body(Session s) {
        Metric metric = Metric.logitDifference(s.token(answer), s.token(foil));
        return new Found(ActivationPatching.of(s, clean, corrupt, metric)
                .byLayerAndPosition(layer -> SmolLm2.layer(layer).residPost())
                .save());
    }
}
