package dev.sonde.bench;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import com.google.gson.JsonObject;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** W1 and W2: what a trace costs beside the forward pass. */
final class Overheads {
    private static final int READS = 48;
    private static final int EDITS = 12;
    private static final long WARM_NANOS = 10_000_000_000L;

    private Overheads() {}

    /** One small model. */
    private record Subject(String name, String file, String output, RunInput input, Tensor vector) {
        Plain plain(Bench bench, OptLevel level) throws Exception {
            Plain plain = new Plain(bench.file(file), bench.settings().threads(), level);
            if (input instanceof RunInput.Tokens tokens) {
                return plain.on(tokens.ids());
            }
            return plain.on(
                    ((RunInput.Tensors) input).tensors().values().iterator().next());
        }

        /** Returns sites to be read: four for each block, in the order in which they are computed. */
        List<String> reads() {
            List<String> inBlock = file.startsWith("mlp")
                    ? List.of("layers.%d#output")
                    : List.of(
                            "layers.%d.ln_1#output",
                            "layers.%d.attn.c_proj#output", "layers.%d.ln_2#output", "layers.%d#output");
            return IntStream.range(0, EDITS)
                    .boxed()
                    .flatMap(layer -> inBlock.stream().map(site -> String.format(site, layer)))
                    .toList();
        }
    }

    private static List<Subject> subjects(Inputs inputs) {
        return List.of(
                new Subject("mlp", "mlp-tiny", "y", Input.tensors(Map.of("x", inputs.x())), Tensor.of(ones(64))),
                new Subject("tiny", Bench.TINY, "logits", Input.rows(inputs.tiny()), inputs.tinySteer()),
                new Subject("small", Bench.SMALL, "logits", Input.rows(inputs.clean()), inputs.steer()));
    }

    private static float[] ones(int count) {
        float[] ones = new float[count];
        java.util.Arrays.fill(ones, 1);
        return ones;
    }

    static void emptyTrace(Bench bench) throws Exception {
        for (Subject subject : subjects(bench.inputs())) {
            Model model = bench.model(subject.file());
            try (Plain same = subject.plain(bench, OptLevel.BASIC_OPT);
                    Plain all = subject.plain(bench, OptLevel.ALL_OPT)) {
                Variants variants = new Variants("W1")
                        .raw("raw_" + subject.name(), same::run)
                        .add("raw_all_" + subject.name(), all::run)
                        .add(subject.name(), () -> trace(model, subject, 0, 0));
                run(bench, variants, subject);
            }
        }
    }

    static void readsAndEdits(Bench bench) throws Exception {
        for (Subject subject : subjects(bench.inputs())) {
            Model model = bench.model(subject.file());
            try (Plain same = subject.plain(bench, OptLevel.BASIC_OPT)) {
                Variants variants = new Variants("W2").raw("raw_" + subject.name(), same::run);
                for (int n : new int[] {1, 12, READS}) {
                    if (n <= subject.reads().size()) {
                        variants.add(subject.name() + "_read" + n, () -> trace(model, subject, n, 0));
                    }
                }
                for (int n : new int[] {1, EDITS}) {
                    variants.add(subject.name() + "_edit" + n, () -> trace(model, subject, 0, n));
                }
                Map<String, Double> medians = run(bench, variants, subject);
                slope(bench, subject.name() + "_read", medians, 1, 12);
                slope(bench, subject.name() + "_read", medians, 12, READS);
                slope(bench, subject.name() + "_edit", medians, 1, EDITS);
            }
        }
    }

    private static Map<String, Double> run(Bench bench, Variants variants, Subject subject) throws Exception {
        boolean slow = subject.file().equals(Bench.SMALL);
        boolean full = bench.settings().full();
        if (!slow) { // let the compiler see it first
            long end = System.nanoTime() + WARM_NANOS;
            for (int i = 0; i < 5000 || System.nanoTime() < end; i++) {
                for (Work work : variants.works().values()) {
                    work.run();
                }
            }
        }
        return bench.run(variants, slow ? (full ? 100 : 20) : (full ? 20_000 : 5000), full ? 40 : 15);
    }

    private static void slope(Bench bench, String name, Map<String, Double> medians, int few, int many) {
        Double less = medians.get(name + few);
        Double more = medians.get(name + many);
        if (less != null && more != null) {
            JsonObject line = bench.line("W2", name + "_each_" + few + "_to_" + many);
            line.addProperty("median_ms", Bench.rounded(1e3 * (more - less) / (many - few)));
            bench.emit(line);
        }
    }

    private static double[] trace(Model model, Subject subject, int reads, int edits) {
        List<String> sites = subject.reads();
        model.session(s -> {
            Value<?> vector = s.constant(subject.vector());
            Run run = s.run(subject.input(), t -> {
                for (int i = 0; i < edits; i++) {
                    t.update(t.site("layers." + i + "#output"), v -> v.plus(vector));
                }
            });
            for (int i = 0; i < reads; i++) {
                run.get(sites.get(i)).save();
            }
            return reads > 0 ? null : run.get(subject.output()).save();
        });
        return new double[0];
    }
}
