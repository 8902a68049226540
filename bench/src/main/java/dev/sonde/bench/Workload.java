package dev.sonde.bench;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;

import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.methods.LogitLens;
import dev.sonde.methods.Metric;
import java.util.List;
import java.util.stream.IntStream;

/** What is measured. */
enum Workload {
    /** A trace that only returns the logits. */
    W1 {
        @Override
        double[] run(Model model, Inputs inputs) {
            model.trace(Input.rows(inputs.clean()), t -> t.get("logits").save());
            return new double[0];
        }
    },
    /** Patch resid_post, 12 layers x 15 positions, logit difference. */
    W4 {
        @Override
        double[] run(Model model, Inputs inputs) {
            RunInput corrupt = Input.rows(inputs.corrupt());
            Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
            Saved<Tensor> found = model.session(s -> {
                Run clean = s.run(Input.rows(inputs.clean()));
                List<Integer> positions = clean.positions();
                return s.grid(layers(model), positions, (layer, at) -> {
                            Site<Any> site = Site.of("layers." + layer + "#resid_post");
                            return metric.of(s.run(
                                    corrupt, t -> t.update(site, v -> v.from(clean.get(site), position(at)))));
                        })
                        .save();
            });
            return found.value().toDoubles();
        }
    },
    /** Patch z of one head at all positions, 12 x 12. */
    W5 {
        @Override
        double[] run(Model model, Inputs inputs) {
            RunInput corrupt = Input.rows(inputs.corrupt());
            Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
            Saved<Tensor> found = model.session(s -> {
                Run clean = s.run(Input.rows(inputs.clean()));
                int heads = (int) clean.get("layers.0#z").type().dims().get(2).size();
                return s.grid(layers(model), IntStream.range(0, heads).boxed().toList(), (layer, h) -> {
                            Site<Any> site = Site.of("layers." + layer + "#z");
                            return metric.of(s.run(
                                    corrupt, t -> t.update(site, v -> v.from(clean.get(site), head(h)))));
                        })
                        .save();
            });
            return found.value().toDoubles();
        }
    },
    /** Logit lens: 12 layers x 8 x 32, best log-probability per position. */
    W11 {
        @Override
        double[] run(Model model, Inputs inputs) {
            LogitLens lens = LogitLens.of(model.manifest());
            Saved<Tensor> found = model.session(s -> {
                Run run = s.run(Input.rows(inputs.batch()));
                return s.stack(
                                "layer",
                                layers(model).stream()
                                        .map(layer -> lens.logits(run, layer)
                                                .logSoftmax("vocab")
                                                .largest("vocab"))
                                        .toList())
                        .save();
            });
            return found.value().toDoubles();
        }
    };

    /** Does the work once and returns the numbers that are checked; empty if there are none. */
    abstract double[] run(Model model, Inputs inputs);

    /** Returns what the plain forward pass beside it reads. */
    List<List<Long>> plain(Inputs inputs) {
        return this == W11 ? inputs.batch() : inputs.clean();
    }

    private static List<Integer> layers(Model model) {
        return IntStream.range(0, model.manifest().layers()).boxed().toList();
    }
}
