package dev.sonde.bench;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.methods.Metric;
import java.util.List;
import java.util.stream.IntStream;

/** W4 and W5: activation patching, written as the two plain loops that it is. */
final class Sweeps {
    private Sweeps() {}

    static void layersAndPositions(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        measure(bench, "W4", () -> patchPositions(model, bench.inputs()));
        record(bench, model);
    }

    static void heads(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        measure(bench, "W5", () -> patchHeads(model, bench.inputs()));
    }

    private static void measure(Bench bench, String workload, Work loops) throws Exception {
        try (Plain plain = Forward.plain(bench, bench.inputs().clean(), OptLevel.ALL_OPT)) {
            Variants variants = new Variants(workload).raw("raw", plain::run).checked("plain_loop", workload, loops);
            bench.run(
                    variants, bench.settings().full() ? 9 : 5, bench.settings().full() ? 120 : 20);
        }
    }

    /** How long it takes to write the 180 runs down. */
    private static void record(Bench bench, Model model) throws Exception {
        Variants variants = new Variants("W4").add("record_only", () -> {
            model.record(s -> positions(s, bench.inputs()).save());
            return new double[0];
        });
        bench.run(variants, 200, 10);
    }

    /** Patch resid_post, layers x positions, logit difference. */
    static double[] patchPositions(Model model, Inputs inputs) {
        Saved<Tensor> found = model.session(s -> positions(s, inputs).save());
        return found.value().toDoubles();
    }

    private static Value<Any> positions(Session s, Inputs inputs) {
        RunInput corrupt = Input.rows(inputs.corrupt());
        Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
        Run clean = s.run(Input.rows(inputs.clean()));
        return s.grid(layers(s), clean.positions(), (layer, at) -> {
            Site<Any> site = Site.of("layers." + layer + "#resid_post");
            return metric.of(s.run(corrupt, t -> t.update(site, v -> v.from(clean.get(site), position(at)))));
        });
    }

    /** Patch z of one head at all positions, layers x heads. */
    static double[] patchHeads(Model model, Inputs inputs) {
        RunInput corrupt = Input.rows(inputs.corrupt());
        Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
        Saved<Tensor> found = model.session(s -> {
            Run clean = s.run(Input.rows(inputs.clean()));
            int heads = (int) clean.get("layers.0#z").type().dims().get(2).size();
            return s.grid(layers(s), IntStream.range(0, heads).boxed().toList(), (layer, h) -> {
                        Site<Any> site = Site.of("layers." + layer + "#z");
                        return metric.of(s.run(corrupt, t -> t.update(site, v -> v.from(clean.get(site), head(h)))));
                    })
                    .save();
        });
        return found.value().toDoubles();
    }

    static List<Integer> layers(Session s) {
        return IntStream.range(0, s.manifest().layers()).boxed().toList();
    }
}
