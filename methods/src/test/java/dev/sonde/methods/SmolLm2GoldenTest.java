package dev.sonde.methods;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static dev.sonde.Selector.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A real language model. Without it the tests skip; {@code src-test-models/smollm2.sh} fetches it. */
class SmolLm2GoldenTest {
    private static @Nullable OnnxModel opened;

    @BeforeAll
    static void open() {
        assumeTrue(TestModels.smollm2().isPresent(), "SmolLM2 is not there: run src-test-models/smollm2.sh");
        opened = OnnxModel.open(TestModels.smollm2().orElseThrow());
    }

    @AfterAll
    static void close() {
        if (opened != null) {
            opened.close();
        }
    }

    private static OnnxModel model() {
        return java.util.Objects.requireNonNull(opened);
    }

    private static Golden golden(String entry) {
        return Golden.of("smollm2").first(entry);
    }

    @Test
    void nextTokens() {
        for (Golden golden : Golden.of("smollm2").all("next_tokens")) {
            Tensor last = model().trace(
                            golden.input("input_ids"),
                            t -> t.get("logits")
                                    .at(position(-1))
                                    .softmax("vocab")
                                    .save())
                    .value();
            List<Golden> top = golden.all("top5");
            List<Tensor.Entry> found = last.topK(5);
            for (int i = 0; i < 5; i++) {
                assertThat(found.get(i).index()).isEqualTo(top.get(i).integer("id"));
                assertThat(Math.abs(found.get(i).value() - top.get(i).number("prob")))
                        .isLessThan(1e-4);
            }
        }
    }

    @Test
    void logitLens() {
        Golden golden = golden("logit_lens");
        Tensor probabilities = model().session(s -> {
                    LogitLens lens = LogitLens.of(s.manifest());
                    return lens.everyLayer(s, s.run(golden.input("input_ids")), position(-1))
                            .softmax("vocab")
                            .save();
                })
                .value();
        int vocab = (int) probabilities.size(2);
        float[] all = probabilities.toFloats();
        List<Golden> layers = golden.all("layers");
        for (int layer = 0; layer < layers.size(); layer++) {
            float[] row = Arrays.copyOfRange(all, layer * vocab, (layer + 1) * vocab);
            Tensor.Entry top = Tensor.of(row, vocab).topK(1).get(0);
            assertThat(top.index())
                    .as("layer %d", layer)
                    .isEqualTo(layers.get(layer).integer("id"));
            assertThat(Math.abs(top.value() - layers.get(layer).number("prob"))).isLessThan(1e-4);
            assertThat(Math.abs(
                            row[golden.integer("answer_id")] - layers.get(layer).number("answer_prob")))
                    .isLessThan(1e-4);
        }
    }

    @Test
    void activationPatching() {
        Golden golden = golden("activation_patching");
        List<Saved<Tensor>> found = model().session(s -> {
            Metric metric =
                    Metric.logitDifference(golden.integer("clean_answer_id"), golden.integer("corrupt_answer_id"));
            ActivationPatching patching =
                    ActivationPatching.of(s, golden.input("clean_ids"), golden.input("corrupt_ids"), metric);
            return List.of(
                    metric.of(patching.clean()).save(),
                    metric.of(patching.corrupt()).save(),
                    patching.byLayerAndPosition("resid_post").save());
        });
        golden.check("metric_clean", found.get(0).value(), 1e-3);
        golden.check("metric_corrupt", found.get(1).value(), 1e-3);
        golden.check("normalised", found.get(2).value(), 1e-3);
    }

    @Test
    void attributionPatching() {
        Golden golden = golden("attribution_patching");
        Tensor found = model().session(s -> {
                    Metric metric = Metric.logitDifference(
                            golden.integer("clean_answer_id"), golden.integer("corrupt_answer_id"));
                    return AttributionPatching.of(s, golden.input("clean_ids"), golden.input("corrupt_ids"), metric)
                            .byLayerAndPosition("resid_post")
                            .save();
                })
                .value();
        golden.check("normalised", found, 2e-3);
        double[] patched = golden("activation_patching").numbers("normalised");
        double correlation = correlation(found.toDoubles(), patched);
        assertThat(Math.abs(correlation - golden.number("pearson_with_activation_patching")))
                .isLessThan(1e-2);
    }

    static double correlation(double[] a, double[] b) {
        double meanA = Arrays.stream(a).average().orElseThrow();
        double meanB = Arrays.stream(b).average().orElseThrow();
        double both = 0;
        double ofA = 0;
        double ofB = 0;
        for (int i = 0; i < a.length; i++) {
            both += (a[i] - meanA) * (b[i] - meanB);
            ofA += (a[i] - meanA) * (a[i] - meanA);
            ofB += (b[i] - meanB) * (b[i] - meanB);
        }
        return both / Math.sqrt(ofA * ofB);
    }

    /** Every sixth layer, and every layer with {@code -Dsonde.full=true}. */
    @Test
    void headAblation() {
        Golden golden = golden("head_ablation");
        List<Integer> layers = new ArrayList<>();
        for (int layer = 0; layer < 30; layer += Boolean.getBoolean("sonde.full") ? 1 : 6) {
            layers.add(layer);
        }
        List<Integer> heads = List.of(0, 1, 2, 3, 4, 5, 6, 7, 8);
        List<Saved<Tensor>> found = model().session(s -> {
            HeadAblation ablation = HeadAblation.of(s, golden.input("input_ids"));
            Metric difference = Metric.logitDifference(golden.integer("answer_id"), golden.integer("foil_id"));
            Metric probability = Metric.logProbability(golden.integer("answer_id"));
            List<Value<?>> differences = new ArrayList<>();
            List<Value<?>> probabilities = new ArrayList<>();
            for (int layer : layers) {
                for (int head : heads) {
                    var run = ablation.zeroed(layer, head);
                    differences.add(difference.of(run));
                    probabilities.add(probability.of(run));
                }
            }
            return List.of(
                    s.stack("run", differences).save(),
                    s.stack("run", probabilities).save());
        });
        check(golden.numbers("logit_diff"), layers, found.get(0).value(), "logit_diff");
        check(golden.numbers("log_prob"), layers, found.get(1).value(), "log_prob");
    }

    private static void check(double[] all, List<Integer> layers, Tensor found, String what) {
        double[] expected = layers.stream()
                .flatMapToDouble(layer -> Arrays.stream(all, layer * 9, layer * 9 + 9))
                .toArray();
        Golden.check(expected, found, 1e-3, what);
    }

    @Test
    void steering() {
        Golden golden = golden("steering");
        int layer = golden.integer("layer");
        double[] coefficients = golden.numbers("coefficients");
        List<Saved<Tensor>> found = model().session(s -> {
            Value<?> vector = Steering.vector(s, layer, golden.input("positive_ids"), golden.input("negative_ids"));
            List<Value<?>> rows = new ArrayList<>();
            for (double coefficient : coefficients) {
                var run = s.run(golden.input("input_ids"), t -> Steering.add(t, layer, vector, coefficient));
                rows.add(run.get("logits")
                        .at(position(-1), row(0))
                        .logSoftmax("vocab")
                        .at(dev.sonde.Selector.indices("vocab", golden.ids("target_ids"))));
            }
            return List.of(vector.save(), s.stack("coefficient", rows).save());
        });
        double norm = Math.sqrt(
                Arrays.stream(found.get(0).value().toDoubles()).map(x -> x * x).sum());
        assertThat(Math.abs(norm / golden.number("vector_norm") - 1)).isLessThan(1e-4);
        golden.check("log_prob", found.get(1).value(), 1e-3);
    }

    @Test
    void generation() {
        try (OnnxModel cached =
                OnnxModel.open(TestModels.smollm2().orElseThrow().resolve("with_past"))) {
            for (Golden golden : Golden.of("smollm2").all("generation")) {
                assertThat(generated(cached, golden).ids()).isEqualTo(golden.ids("output_ids"));
                assertThat(generated(cached, golden).text()).isEqualTo(golden.text("text"));
            }
        }
        Golden steered = Golden.of("smollm2").all("generation").get(2);
        assertThat(generated(model(), steered).ids()).isEqualTo(steered.ids("output_ids"));
    }

    private static dev.sonde.Generated generated(OnnxModel model, Golden golden) {
        Golden steering = Golden.of("smollm2").all("steering").stream()
                .filter(each -> golden.has("steer") && each.text("name").equals(golden.text("steer")))
                .findFirst()
                .orElseGet(() -> golden("steering"));
        int layer = steering.integer("layer");
        var options = dev.sonde.GenerationOptions.builder()
                .maxNewTokens(golden.integer("tokens"))
                .stopTokens()
                .build();
        return model.session(s -> {
                    if (!golden.has("steer")) {
                        return s.generate(golden.input("input_ids"), options, g -> {});
                    }
                    Value<?> vector =
                            Steering.vector(s, layer, steering.input("positive_ids"), steering.input("negative_ids"));
                    double coefficient = golden.number("coefficient");
                    return s.generate(
                            golden.input("input_ids"),
                            options,
                            g -> g.every(t -> Steering.add(t, layer, vector, coefficient)));
                })
                .value();
    }

    @Test
    void inductionHeads() {
        Golden golden = golden("repeated_tokens");
        List<Saved<Tensor>> found = model().session(s -> {
            InductionHeads heads = InductionHeads.of(s, golden.input("input_ids"), golden.integer("segment_length"));
            return List.of(
                    heads.previousToken().save(),
                    heads.induction().save(),
                    heads.duplicateToken().save());
        });
        golden.check("previous_token_score", found.get(0).value(), 1e-4);
        golden.check("induction_score", found.get(1).value(), 1e-4);
        golden.check("duplicate_token_score", found.get(2).value(), 1e-4);
    }

    @Test
    void rowsOfDifferentLengthsAreWhatTheyWouldBeAlone() {
        Golden golden = golden("batch");
        Golden steering = golden("steering");
        int layer = steering.integer("layer");
        Saved<Tensor> found = model().session(s -> {
            Value<?> vector = Steering.vector(s, layer, steering.input("positive_ids"), steering.input("negative_ids"));
            return s.run(
                            golden.input("input_ids"),
                            t -> t.add(
                                    dev.sonde.Site.of("layers." + layer + "#resid_post"),
                                    vector.times(golden.number("coefficient")),
                                    index("batch", golden.integer("steer_row"))))
                    .get("logits")
                    .at(position(-1))
                    .softmax("vocab")
                    .save();
        });
        int vocab = (int) found.value().size(1);
        for (int row = 0; row < 2; row++) {
            float[] probabilities = Arrays.copyOfRange(found.value().toFloats(), row * vocab, (row + 1) * vocab);
            List<Tensor.Entry> top = Tensor.of(probabilities, vocab).topK(5);
            List<Golden> expected = golden.all("row" + row + "_top5");
            for (int i = 0; i < 5; i++) {
                assertThat(top.get(i).index()).isEqualTo(expected.get(i).integer("id"));
                assertThat(Math.abs(top.get(i).value() - expected.get(i).number("prob")))
                        .isLessThan(1e-4);
            }
        }
    }
}
