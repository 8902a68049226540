package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Results;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fused operators are written out where something inside them is touched, and nowhere else. */
class UnfusingTest {
    @TempDir
    Path cache;

    private Backend backend;

    @BeforeEach
    void open() {
        backend = OnnxModel.backend(
                TestModels.conformance().resolve("gpt2/ort_fused.onnx"),
                Options.builder().cacheFolder(cache).build());
    }

    @AfterEach
    void close() {
        backend.close();
    }

    private Results run(List<Effect> effects, String... sites) {
        List<Node> nodes = new ArrayList<>(List.of(new Node.Constant(Tensor.scalar(DType.FLOAT32, 0))));
        Map<String, Integer> saves = new java.util.LinkedHashMap<>();
        for (String site : sites) {
            saves.put(site, nodes.size());
            nodes.add(new Node.Read(0, site, 0));
        }
        InterventionGraph graph = new InterventionGraph(
                "", List.of(Input.rows(List.of(List.of(5L, 17L, 2L, 9L)))), nodes, effects, saves);
        return backend.run(List.of(backend.prepare(graph, Limits.NONE)), Control.NONE)
                .get(0);
    }

    @Test
    void whatIsNotTouchedStaysFused() {
        Results results = run(List.of(), "logits", "transformer.h.1#output", "transformer.h.1.ln_2#output");
        assertThat(results.provenance()).doesNotContainKey("unfused");
    }

    @Test
    void readingInsideWritesOutThatOperatorOnly() {
        Results results = run(List.of(), "logits", "transformer.h.1.mlp.c_fc#output");
        assertThat(results.provenance()).containsEntry("unfused", "FastGelu at 'FastGelu_AddBias_1'");
    }

    @Test
    void writingBetweenStreamAndNormWritesOutThatOperatorOnly() {
        Results results = run(List.of(new Effect.Write(0, "transformer.h.1.ln_2#input", 0, 0)), "logits");
        assertThat(results.provenance()).containsEntry("unfused", "SkipLayerNormalization at 'SkipLayerNorm_2'");
    }

    @Test
    void writingWhatAnOperatorReceivesAsAWholeKeepsIt() {
        Results results = run(List.of(new Effect.Write(0, "transformer.h.1.mlp.c_proj#input", 0, 0)), "logits");
        assertThat(results.provenance()).doesNotContainKey("unfused");
    }

    @Test
    void writingTheStreamWritesOutTheSumThatIsFusedWithTheNorm() {
        Results results = run(List.of(new Effect.Write(0, "transformer.h.0#output", 0, 0)), "logits");
        assertThat(results.provenance())
                .containsEntry("unfused", "SkipLayerNormalization at 'SkipLayerNorm_AddBias_0'");
    }

    @Test
    void lookingInsideDoesNotMoveTheRest() {
        float[] alone = run(List.of(), "logits").saved().get("logits").toFloats();
        Results results = run(List.of(), "logits", "layers.2#mlp_out", "layers.2#mlp_pre");
        float[] beside = results.saved().get("logits").toFloats();
        float largest = 0;
        for (int i = 0; i < alone.length; i++) {
            largest = Math.max(largest, Math.abs(alone[i] - beside[i]));
        }
        assertThat(largest).isLessThan(1e-5f);
        assertThat(results.provenance().get("unfused")).contains("FastGelu_AddBias_2");
    }
}
