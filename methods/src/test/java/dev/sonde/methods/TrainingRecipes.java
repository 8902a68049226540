package dev.sonde.methods;

import static dev.sonde.Selector.index;

import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Runs what {@code docs/training.md} shows, and draws {@code docs/pictures/steering-loss.svg}. */
final class TrainingRecipes {
    private static final List<String> NAMES =
            List.of("Alice", "Bob", "Carol", "David", "Emma", "Frank", "Grace", "Henry");
    private static final int WIDTH = 480;
    private static final int HEIGHT = 240;
    private static final int MARGIN = 45;

    private TrainingRecipes() {}

    /** {@code args[0]} is the picture to write. */
    public static void main(String[] args) throws IOException {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            Files.writeString(Path.of(args[0]), svg(steering(model).losses()));
            probes(model);
            mask(model);
            autoencoder(model);
            lora(model);
        }
    }

    /** All pairs of giver and getter: field {@code text}, and {@code class}, {@code getter} and {@code giver}. */
    private static Dataset sentences() {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (String a : NAMES) {
            for (String b : NAMES) {
                if (!a.equals(b)) {
                    String text = "When " + a + " and " + b + " went to the park , " + a + " gave a book to";
                    rows.add(Map.of("text", text, "class", NAMES.indexOf(b), "getter", b, "giver", a));
                }
            }
        }
        return Dataset.of(rows);
    }

    private static Trained steering(Model model) {
        Trainable vector = Trainable.zeros("steer", 64);
        Dataset rows = Dataset.product(Map.of("name", List.of("Alice", "Bob", "Emma")));
        String prompt = "When {name} and Carol went to the park , Carol gave a book to";
        return SteeringTraining.of(model, vector, 1, rows, prompt, "Zoe")
                .optimizer(Optimizer.adam(0.1))
                .steps(30)
                .progress(p -> System.out.println(p))
                .run();
    }

    private static void probes(Model model) {
        for (int layer = 0; layer < 3; layer++) {
            LinearProbe probe = LinearProbe.of("getter", 64, 8);
            Trained trained = probe.train(model, "layers." + layer + "#resid_post", sentences(), "{text}", "class")
                    .optimizer(Optimizer.adam(0.02))
                    .shuffle(1)
                    .epochs(15)
                    .run();
            System.out.println("probe of layer " + layer + ": " + trained.lastLoss());
        }
    }

    private static List<String> texts(List<Row> rows) {
        return rows.stream().map(row -> row.text("text")).toList();
    }

    private static void mask(Model model) {
        BinaryMask mask = BinaryMask.of("heads", 2, 3, 4);
        Trained trained = model.train(sentences(), (s, rows, step) -> {
                    Value<Any> open = mask.soft(s, Math.pow(0.1, step / 100.0));
                    Run whole = s.run(texts(rows));
                    Run masked = s.run(texts(rows), t -> {
                        for (int layer = 0; layer < 3; layer++) {
                            Value<Any> heads = open.at(index("0", layer)).unsqueeze(1, "");
                            BinaryMask.blend(t, Site.of("layers." + layer + "#z"), heads, t.constant(0));
                        }
                    });
                    return Metric.divergenceFrom(whole).of(masked).plus(open.mean());
                })
                .optimizer(Optimizer.adam(0.1))
                .shuffle(1)
                .steps(100)
                .run();
        Tensor hard = model.session(s -> mask.hard(s).save()).value();
        System.out.println("heads " + Arrays.toString(hard.toFloats()) + ", loss " + trained.lastLoss());
    }

    private static void autoencoder(Model model) {
        SparseAutoencoder sae = SparseAutoencoder.of("sae", 64, 256, 1);
        Trained trained = sae.train(model, "layers.1#resid_post", sentences(), "{text}", 3e-3)
                .optimizer(Optimizer.adam(3e-3))
                .shuffle(1)
                .steps(500)
                .run();
        Tensor features = model.session(
                        s -> sae.features(s, s.run("When Alice and Bob").get("layers.1#resid_post"))
                                .save())
                .value();
        System.out.println("autoencoder from " + trained.losses()[0] + " to " + trained.lastLoss() + ", features "
                + features.describe());
    }

    private static void lora(Model model) {
        Lora lora = Lora.of(model.manifest(), 4, 2.0, 1, "transformer.h.1.attn.c_attn", "transformer.h.2.mlp.c_fc");
        Trained trained = model.train(
                        sentences(),
                        (s, rows) -> Metric.crossEntropy(
                                        s,
                                        rows.stream()
                                                .map(row -> (long) s.token(row.text("giver")))
                                                .toList())
                                .of(s.run(texts(rows), lora::apply)))
                .optimizer(Optimizer.adamW(0.01))
                .shuffle(1)
                .epochs(20)
                .run();
        System.out.println("lora from " + trained.losses()[0] + " to " + trained.lastLoss());
    }

    private static String svg(double... losses) {
        double most = Arrays.stream(losses).max().orElse(1);
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < losses.length; i++) {
            line.append(String.format(
                    Locale.ROOT,
                    "%s%.1f %.1f",
                    i == 0 ? "M" : " L",
                    MARGIN + WIDTH * i / (double) Math.max(1, losses.length - 1),
                    MARGIN + HEIGHT * (1 - losses[i] / most)));
        }
        return String.format(
                Locale.ROOT,
                "<svg xmlns='http://www.w3.org/2000/svg' width='%1$d' height='%2$d' font-family='sans-serif' font-size='12'>%n"
                        + "<rect width='100%%' height='100%%' fill='white'/>%n"
                        + "<path d='M%3$d %3$d V%4$d H%5$d' fill='none' stroke='#999'/>%n"
                        + "<path d='%6$s' fill='none' stroke='#c33' stroke-width='2'/>%n"
                        + "<text x='%7$d' y='%3$d' text-anchor='end' dy='4'>%8$.1f</text>"
                        + "<text x='%7$d' y='%4$d' text-anchor='end' dy='4'>0</text>"
                        + "<text x='%5$d' y='%9$d' text-anchor='end'>step %10$d</text>"
                        + "<text x='%3$d' y='25'>loss of a steering vector, nats</text>%n</svg>%n",
                WIDTH + 2 * MARGIN,
                HEIGHT + 2 * MARGIN,
                MARGIN,
                MARGIN + HEIGHT,
                MARGIN + WIDTH,
                line,
                MARGIN - 6,
                most,
                MARGIN + HEIGHT + 18,
                losses.length);
    }
}
