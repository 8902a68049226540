package dev.sonde.methods;

import static dev.sonde.methods.References.assertClose;
import static dev.sonde.methods.References.method;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Input;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Scores by gradients are PyTorch's, whose script writes the definitions out ({@code src-test-models/scripts/method_reference.py}). */
class GradientScoresTest {
    private static final double CLOSE = 2e-4;
    private static final Site<Any> EMBED = Site.of("embed");

    static Stream<Arguments> models() {
        Path gpt2 = TestModels.conformance().resolve("gpt2");
        return Stream.of(
                Arguments.of("names", TestModels.tiny("names")),
                Arguments.of("gpt2", gpt2.resolve("torchscript.onnx")),
                Arguments.of("gpt2", gpt2.resolve("dynamo.onnx")),
                Arguments.of("gpt2", gpt2.resolve("dynamo_sdpa.onnx")),
                Arguments.of("gpt2", gpt2.resolve("ort_fused.onnx")));
    }

    private static RunInput rows(String name) {
        Tensor ids = method(name);
        return Input.rows(IntStream.range(0, (int) ids.size(0))
                .mapToObj(row -> longs(ids.row(row)))
                .toList());
    }

    private static List<Long> longs(Tensor ids) {
        return Arrays.stream(ids.toLongs()).boxed().toList();
    }

    private static Metric metric(Session s, String name) {
        return Metric.logitDifference(s, longs(method(name + "/answers")), longs(method(name + "/foils")));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("models")
    void areThoseOfTheirDefinitions(String name, Path file) {
        try (OnnxModel model = OnnxModel.open(file)) {
            List<Saved<Tensor>> found = model.session(s -> {
                RunInput clean = rows(name + "/clean");
                RunInput corrupt = rows(name + "/corrupt");
                Metric metric = metric(s, name);
                AttributionPatching attribution = AttributionPatching.of(s, clean, corrupt, metric);
                InputAttribution inputs = InputAttribution.of(s, clean, metric);
                return List.of(
                        attribution.byLayerAndPosition("resid_post").save(),
                        attribution.byHead().save(),
                        inputs.saliency(EMBED).save(),
                        inputs.gradientTimesInput(EMBED).save(),
                        inputs.integratedGradients(EMBED, 16).sum("d_model").save());
            });
            List<String> expected = List.of(
                    "attribution_resid_post",
                    "attribution_heads",
                    "saliency",
                    "gradient_times_input",
                    "integrated_gradients");
            for (int i = 0; i < expected.size(); i++) {
                assertClose(found.get(i).value(), name + "/" + expected.get(i), CLOSE);
            }
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("models")
    void edgesOfLayersToo(String name, Path file) {
        try (OnnxModel model = OnnxModel.open(file)) {
            List<Saved<Tensor>> found = model.session(s -> {
                EdgeAttribution edges =
                        EdgeAttribution.of(s, rows(name + "/clean"), rows(name + "/corrupt"), metric(s, name));
                assertThat(edges.sources())
                        .startsWith("embed", "attn_0", "mlp_0")
                        .hasSize(7);
                assertThat(edges.destinations()).startsWith("attn_0", "mlp_0").endsWith("logits");
                return List.of(edges.scores().save(), edges.integratedScores(5).save());
            });
            assertClose(found.get(0).value(), name + "/eap", CLOSE);
            assertClose(found.get(1).value(), name + "/eap_ig", CLOSE);
        }
    }

    /** Not of files below opset 13 with fused operators, whose heads' own additions have no gradient there. */
    static Stream<Arguments> unfused() {
        return models().filter(each -> !each.get()[1].toString().contains("fused"));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("unfused")
    void edgesOfHeadsToo(String name, Path file) {
        try (OnnxModel model = OnnxModel.open(file)) {
            List<Saved<Tensor>> found = model.session(s -> {
                EdgeAttribution edges =
                        EdgeAttribution.byHead(s, rows(name + "/clean"), rows(name + "/corrupt"), metric(s, name));
                assertThat(edges.sources())
                        .startsWith("embed", "a0.h0", "a0.h1")
                        .hasSize(16);
                assertThat(edges.destinations())
                        .startsWith("a0.h0<q>", "a0.h1<q>")
                        .endsWith("m2", "logits");
                return List.of(edges.scores().save(), edges.integratedScores(5).save());
            });
            assertClose(found.get(0).value(), name + "/eap_heads", CLOSE);
            assertClose(found.get(1).value(), name + "/eap_ig_heads", CLOSE);
        }
    }

    /** Grouped keys and values, and attention beside the MLP. */
    @ParameterizedTest
    @ValueSource(strings = {"llama/torchscript.onnx", "llama/dynamo.onnx", "gpt_neox/torchscript.onnx"})
    void edgesOfHeadsAddUpToThoseOfLayersAndIntoTheOutputToThePatchOfTheLastStream(String file) {
        try (OnnxModel model = OnnxModel.open(TestModels.conformance().resolve(file))) {
            List<Saved<Tensor>> found = model.session(s -> {
                RunInput clean = rows("gpt2/clean");
                RunInput corrupt = rows("gpt2/corrupt");
                Metric metric = metric(s, "gpt2");
                AttributionPatching noising =
                        AttributionPatching.of(s, /* clean= */ corrupt, /* corrupt= */ clean, metric);
                Site<Any> last = StandardSites.of(s.manifest().layers() - 1, "resid_post");
                return List.of(
                        EdgeAttribution.of(s, clean, corrupt, metric).scores().save(),
                        EdgeAttribution.byHead(s, clean, corrupt, metric)
                                .scores()
                                .save(),
                        noising.patch(last).save(),
                        metric.of(s.run(corrupt)).minus(metric.of(s.run(clean))).save());
            });
            Tensor layers = found.get(0).value();
            Tensor heads = found.get(1).value();
            double effect = found.get(2).value().item() * found.get(3).value().item();
            assertThat(column(layers, (int) layers.size(1) - 1))
                    .isCloseTo(effect, within(1e-4 * Math.abs(effect) + 1e-5));
            assertThat(Arrays.stream(heads.toDoubles()).sum())
                    .isCloseTo(Arrays.stream(layers.toDoubles()).sum(), within(1e-4));
        }
    }

    private static double column(Tensor scores, int at) {
        return IntStream.range(0, (int) scores.size(0))
                .mapToDouble(row -> scores.at(row, at))
                .sum();
    }

    @Test
    void edgesOfANormedStreamAreNotANumber() {
        try (OnnxModel model = OnnxModel.open(TestModels.conformance().resolve("bert/torchscript.onnx"))) {
            Tensor scores = model.session(
                            s -> EdgeAttribution.of(s, rows("gpt2/clean"), rows("gpt2/corrupt"), metric(s, "gpt2"))
                                    .scores()
                                    .save())
                    .value();
            assertThat(scores.toDoubles()).containsOnly(Double.NaN);
        }
    }
}
