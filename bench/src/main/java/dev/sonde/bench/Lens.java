package dev.sonde.bench;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.methods.LogitLens;

/** W11: the best log-probability at every layer and position. */
final class Lens {
    private Lens() {}

    static void measure(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        try (Plain plain = Forward.plain(bench, bench.inputs().batch(), OptLevel.ALL_OPT)) {
            Variants variants = new Variants("W11")
                    .raw("raw", plain::run)
                    .checked("lens", "W11", () -> best(model, bench.inputs()));
            bench.run(
                    variants, bench.settings().full() ? 9 : 5, bench.settings().full() ? 60 : 15);
        }
    }

    static double[] best(Model model, Inputs inputs) {
        LogitLens lens = LogitLens.of(model.manifest());
        Saved<Tensor> found = model.session(s -> {
            Run run = s.run(Input.rows(inputs.batch()));
            return s.stack(
                            "layer",
                            Sweeps.layers(s).stream()
                                    .map(layer -> lens.logits(run, layer)
                                            .logSoftmax("vocab")
                                            .largest("vocab"))
                                    .toList())
                    .save();
        });
        return found.value().toDoubles();
    }
}
