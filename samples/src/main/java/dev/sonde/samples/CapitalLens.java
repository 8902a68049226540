package dev.sonde.samples;

import static dev.sonde.Selector.row;

import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.methods.LogitLens;

/** What would a language model say if it stopped after each layer? */
@Experiment(model = "smollm2")
final class CapitalLens {
    /** What the model reads. */
    @Param
    String prompt = "The capital of France is";

    record Found(Saved<Tensor> probability, Saved<Tensor> token) {}

    @Body
    Found body(Session s) {
        Run run = s.run(prompt);
        Value<?> words = LogitLens.of(s.manifest()).everyLayer(s, run).softmax("vocab");
        return new Found(
                words.largest("vocab").at(row(0)).save(),
                words.argmax("vocab").at(row(0)).save());
    }
}
