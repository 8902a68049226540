package dev.sonde.bench;

import static dev.sonde.Selector.range;

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
import dev.sonde.onnx.OnnxModel;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trainable;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** W6, W12 and W13: attribution patching, integrated gradients, a training step; written as they are defined. */
public final class Gradients {
    private static final int STEPS = 16;
    private static final int TRAINED = 4;

    private Gradients() {}

    static void attribution(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        measure(bench, "W6", 1, bench.inputs().clean(), () -> attribution(model, bench.inputs()));
    }

    static void integrated(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        measure(bench, "W12", 1, bench.inputs().clean(), () -> integrated(model, bench.inputs()));
    }

    static void training(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        measure(bench, "W13", TRAINED, bench.inputs().batch(), () -> training(model, bench.inputs()));
    }

    private static void measure(Bench bench, String name, int pieces, List<List<Long>> rows, Work work)
            throws Exception {
        try (Plain plain = Forward.plain(bench, rows, OptLevel.ALL_OPT)) {
            Variants variants = new Variants(name)
                    .raw("raw", plain::run)
                    .checked("sonde", name, work)
                    .per(pieces);
            bench.run(
                    variants, bench.settings().full() ? 15 : 7, bench.settings().full() ? 90 : 30);
        }
    }

    /** Attribution patching of resid_post, layers x positions. */
    static double[] attribution(Model model, Inputs inputs) {
        Saved<Tensor> found = model.session(s -> {
            Run clean = s.run(Input.rows(inputs.clean()));
            Run corrupt = s.run(Input.rows(inputs.corrupt()));
            Value<Any> metric = Metric.logitDifference(inputs.answer(), inputs.foil())
                    .of(corrupt)
                    .sum();
            List<Value<Any>> layers = Sweeps.layers(s).stream()
                    .map(layer -> Site.of("layers." + layer + "#resid_post"))
                    .map(site -> clean.get(site)
                            .minus(corrupt.get(site))
                            .times(metric.gradient(corrupt.get(site).as(Any.class)))
                            .sum("batch", "d_model"))
                    .toList();
            return stacked(layers).save();
        });
        return found.value().toDoubles();
    }

    private static Value<Any> stacked(List<Value<Any>> values) {
        return values.get(0).stack("layer", values.subList(1, values.size()).toArray(Value<?>[]::new));
    }

    /** Integrated gradients of the token embeddings, from zeros, at the midpoints of 16 steps. */
    static double[] integrated(Model model, Inputs inputs) {
        Saved<Tensor> found = model.session(s -> {
            RunInput clean = Input.rows(inputs.clean());
            Site<Any> embed = Site.of("embed");
            Metric metric = Metric.logitDifference(inputs.answer(), inputs.foil());
            Value<Any> whole = s.run(clean).get(embed);
            Value<Any> sum = s.constant(0);
            for (int k = 0; k < STEPS; k++) {
                double at = (k + 0.5) / STEPS;
                Run between = s.run(clean, t -> t.set(embed, whole.times(at)));
                sum = sum.plus(metric.of(between).sum().gradient(between.get(embed)));
            }
            return sum.over(STEPS).times(whole).sum("batch", "d_model").save();
        });
        return found.value().toDoubles();
    }

    /** Four steps of Adam on a vector behind one layer, cross entropy of the next token; returns the losses. */
    static double[] training(Model model, Inputs inputs) {
        Trainable vector = Trainable.zeros("vector", inputs.steer().shape()[0]);
        RunInput batch = Input.rows(inputs.batch());
        int last = inputs.batch().get(0).size() - 1;
        Tensor next = next(inputs.batch());
        return model.train(
                        Dataset.of(List.of(Map.of())),
                        (s, rows) -> loss(s, batch, vector, inputs.steerLayer(), last, next))
                .optimizer(Optimizer.adam(0.01))
                .steps(TRAINED)
                .run()
                .losses();
    }

    private static Value<Any> loss(Session s, RunInput batch, Trainable vector, int layer, int last, Tensor next) {
        Run run = s.run(batch, t -> t.add(t.site("layers." + layer + "#resid_post"), t.trainable(vector)));
        return run.get("logits")
                .at(range("position", 0, last))
                .crossEntropy(s.constant(next), "vocab")
                .mean();
    }

    private static Tensor next(List<List<Long>> rows) {
        long[] next = rows.stream()
                .flatMap(row -> row.subList(1, row.size()).stream())
                .mapToLong(Long::longValue)
                .toArray();
        return Tensor.of(next, rows.size(), rows.get(0).size() - 1);
    }

    /** Does what each line of the standard input names, and answers how many seconds it took: for turns with other programs. */
    public static void main(String... args) throws Exception {
        Settings settings = Settings.of(args);
        Inputs inputs = Inputs.read(settings.models().resolve("inputs.json"));
        try (OnnxModel model = OnnxModel.open(settings.models().resolve(Bench.SMALL + ".onnx"), settings.options());
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            Memory.Peak peak = new Memory.Peak();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals("peak")) {
                    peak.print("peak");
                    continue;
                }
                String name = line;
                double seconds = Stopwatch.seconds(() -> work(name, model, inputs));
                System.out.println(seconds / (name.equals("W13") ? TRAINED : 1));
            }
        }
    }

    private static double[] work(String name, Model model, Inputs inputs) {
        return switch (name) {
            case "W6" -> attribution(model, inputs);
            case "W12" -> integrated(model, inputs);
            default -> training(model, inputs);
        };
    }
}
