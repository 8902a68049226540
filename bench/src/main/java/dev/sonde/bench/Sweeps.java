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
import dev.sonde.data.Dataset;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.methods.Metric;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** W4 and W5: activation patching, written as the two plain loops that it is. */
final class Sweeps {
    private static final int PAIRS = 64;

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

    /** W4's sweep for each of many pairs of prompts: each pair's map, and the mean of all. */
    static void pairs(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        int count = bench.settings().full() ? PAIRS : PAIRS / 8;
        Dataset pairs = Dataset.ids(prompts(bench.inputs(), count));
        Variants one = new Variants("PAIRS").checked("one_sweep", "W4", () -> patchPositions(model, bench.inputs()));
        Variants all = new Variants("PAIRS")
                .per(count)
                .checked("each_of_" + count, "W4", () -> eachPair(model, bench.inputs(), pairs));
        bench.run(one, 5, 20);
        bench.run(all, 3, 60);
    }

    /** Returns the map of the first pair, which is W4's own. */
    private static double[] eachPair(Model model, Inputs inputs, Dataset pairs) {
        List<double[]> maps = new ArrayList<>();
        model.over(pairs, (s, row) -> {
                    long[] both = row.ids("ids");
                    int half = both.length / 2;
                    List<List<Long>> clean = List.of(longs(Arrays.copyOf(both, half)));
                    List<List<Long>> corrupt = List.of(longs(Arrays.copyOfRange(both, half, both.length)));
                    positions(s, inputs, clean, corrupt).save("map");
                })
                .run(result -> maps.add(result.get("map").toDoubles()));
        return maps.get(0);
    }

    /** Returns pairs of prompts, each as the ids of both; the first is W4's own, the others have the same ids in other orders. */
    private static List<long[]> prompts(Inputs inputs, int count) {
        List<Long> clean = inputs.clean().get(0);
        List<Long> corrupt = inputs.corrupt().get(0);
        List<long[]> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Long> both = new ArrayList<>();
            for (List<Long> prompt : List.of(clean, corrupt)) {
                List<Long> turned = new ArrayList<>(prompt);
                Collections.rotate(turned, i);
                both.addAll(turned);
            }
            all.add(both.stream().mapToLong(Long::longValue).toArray());
        }
        return all;
    }

    private static List<Long> longs(long... ids) {
        return Arrays.stream(ids).boxed().toList();
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
        return positions(s, inputs, inputs.clean(), inputs.corrupt());
    }

    private static Value<Any> positions(
            Session s, Inputs inputs, List<List<Long>> cleanIds, List<List<Long>> corruptIds) {
        RunInput corrupt = Input.rows(corruptIds);
        Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
        Run clean = s.run(Input.rows(cleanIds));
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
