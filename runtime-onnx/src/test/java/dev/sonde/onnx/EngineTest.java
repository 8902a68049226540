package dev.sonde.onnx;

import static dev.sonde.onnx.NamedWiring.axes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.DType;
import dev.sonde.Safetensors;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.Selection.Pick;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.file.TurnedWeights;
import dev.sonde.onnx.plan.ModelGraph;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine on a real export, its sites named by hand. */
class EngineTest {
    private static final String H = "/transformer/h.";
    private static final List<AxisInfo> STREAM = axes("batch", "position", "32");

    @TempDir
    static Path cache;

    private final Safetensors reference = reference();
    private OnnxBackend backend;

    private static Safetensors reference() {
        try {
            return Safetensors.read(
                    ByteBuffer.wrap(Files.readAllBytes(TestModels.conformance().resolve("gpt2/reference.safetensors"))),
                    "gpt2");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @BeforeEach
    void open() {
        OnnxFile file = OnnxFile.open(TestModels.conformance().resolve("gpt2/torchscript.onnx"), cache);
        List<AxisInfo> tokens = axes("batch", "position");
        NamedWiring wiring = new NamedWiring(
                file,
                List.of(
                        new ModelInput("input_ids", ModelInput.Role.TOKENS, DType.INT64, tokens),
                        new ModelInput("attention_mask", ModelInput.Role.ATTENTION_MASK, DType.INT64, tokens),
                        new ModelInput("position_ids", ModelInput.Role.POSITION_IDS, DType.INT64, tokens)));
        wiring.value("logits", "logits", axes("batch", "position", "97"));
        for (int i = 0; i < 3; i++) {
            String path = "transformer.h." + i;
            wiring.module(
                    path + ".mlp",
                    H + i + "/ln_2/LayerNormalization_output_0",
                    H + i + "/mlp/c_proj/Reshape_1_output_0",
                    STREAM);
            wiring.module(path + ".ln_2", H + i + "/Add_output_0", H + i + "/ln_2/LayerNormalization_output_0", STREAM);
            wiring.value("mid." + i, H + i + "/Add_output_0", STREAM);
            wiring.value("post." + i, H + i + "/Add_1_output_0", STREAM);
        }
        ModelGraph graph = new ModelGraph(file.skeleton());
        backend = new OnnxBackend(
                file,
                graph,
                () -> graph,
                wiring,
                TurnedWeights.NONE,
                Options.builder().cacheFolder(cache).build(),
                Optional.empty());
    }

    @AfterEach
    void close() {
        backend.close();
    }

    private Map<String, Tensor> run(InterventionGraph graph) {
        return backend.run(List.of(backend.prepare(graph, Limits.NONE)), Control.NONE)
                .get(0)
                .saved();
    }

    private RunInput given(String prompt) {
        return new RunInput.Tensors(Map.of("input_ids", tensor("in/" + prompt + "/input_ids")));
    }

    private Tensor tensor(String key) {
        return reference.tensors().get(key);
    }

    private static InterventionGraph graph(
            List<RunInput> runs, List<Node> nodes, List<Effect> effects, Map<String, Integer> saves) {
        return new InterventionGraph("", runs, nodes, effects, saves);
    }

    private static void near(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        assertThat(got.toFloats()).usingComparatorWithPrecision(1e-4f).containsExactly(wanted.toFloats());
    }

    private static Selection positions(Long... positions) {
        return new Selection(List.of(new Pick(1, false, List.of(List.of(positions)))));
    }

    @Test
    void anEditIsSeenDownstream() {
        Tensor zero = Tensor.scalar(DType.FLOAT32, 0);
        Map<String, Tensor> got = run(graph(
                List.of(given("a")),
                List.of(
                        new Node.Constant(zero),
                        new Node.Read(0, "transformer.h.1.mlp#output", 1),
                        new Node.Read(0, "logits", 0),
                        new Node.Read(0, "post.1", 0),
                        new Node.Read(0, "mid.1", 0)),
                List.of(new Effect.Write(0, "transformer.h.1.mlp#output", 0, 0)),
                Map.of("mlp", 1, "logits", 2, "block", 3, "mid", 4)));
        near(got.get("mlp"), tensor("zero_mlp/edited/mlp"));
        near(got.get("logits"), tensor("zero_mlp/edited/logits"));
        assertThat(got.get("block").toFloats()).isEqualTo(got.get("mid").toFloats());
    }

    @Test
    void onePositionIsPatchedFromAnotherRunAndOneSessionServesAll() {
        Tensor clean = run(graph(
                        List.of(given("a")), List.of(new Node.Read(0, "post.1", 0)), List.of(), Map.of("x", 0)))
                .get("x");
        long sessions = -1;
        for (long position = 0; position < clean.size(1); position++) {
            Map<String, Tensor> got = run(graph(
                    List.of(given("a"), given("b")),
                    List.of(
                            new Node.Read(0, "post.1", 0),
                            new Node.Read(1, "post.1", 0),
                            new Node.Select(0, positions(position)),
                            new Node.Put(1, 2, positions(position)),
                            new Node.Read(1, "post.1", 1)),
                    List.of(new Effect.Write(1, "post.1", 3, 0)),
                    Map.of("before", 1, "after", 4)));
            for (long p = 0; p < clean.size(1); p++) {
                Tensor wanted = p == position ? clean : got.get("before");
                assertThat(got.get("after").at(0, p, 5)).isEqualTo(wanted.at(0, p, 5));
            }
            sessions = sessions < 0 ? backend.sessionsCreated() : sessions;
        }
        assertThat(backend.sessionsCreated()).isEqualTo(sessions);
    }
}
