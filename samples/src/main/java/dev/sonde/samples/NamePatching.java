package dev.sonde.samples;

import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.methods.ActivationPatching;
import dev.sonde.methods.Metric;

/** Who gets the book? Where a small model that was trained on such sentences keeps the name, and which heads move it. */
@Experiment(model = "names")
final class NamePatching {
    /** The sentence whose activations are given. */
    @Param
    String clean = "When Alice and Bob went to the park , Alice gave a book of Henry to";

    /** The sentence that receives them: the other one gives. */
    @Param
    String corrupt = "When Alice and Bob went to the park , Bob gave a book of Henry to";

    /** What follows the clean sentence. */
    @Param(token = true)
    String answer = "Bob";

    /** What follows the corrupt sentence. */
    @Param(token = true)
    String foil = "Alice";

    record Found(Saved<Tensor> byPosition, Saved<Tensor> byHead) {}

    @Body
    Found body(Session s) {
        Metric metric = Metric.logitDifference(s.token(answer), s.token(foil));
        ActivationPatching patching = ActivationPatching.of(s, clean, corrupt, metric);
        return new Found(
                patching.byLayerAndPosition("resid_pre").save(),
                patching.byHead().save());
    }
}
