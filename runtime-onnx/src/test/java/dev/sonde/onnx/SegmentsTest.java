package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.Generated;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.plan.ModelGraph;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Segment;
import dev.sonde.onnx.plan.Segmentation;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model in segments computes what it computes whole, and no segment opens more weights than it may. */
class SegmentsTest {
    private static final RunInput CLEAN = Input.rows(List.of(List.of(5L, 17L, 60L, 3L, 44L, 12L)));
    private static final RunInput CORRUPT = Input.rows(List.of(List.of(8L, 2L, 33L, 90L, 51L, 6L)));
    private static final long BUDGET = 40_000;

    private static OnnxModel open(String name, Options.Planning planning, long values, long weights) {
        return OnnxModel.open(
                TestModels.conformance().resolve(name + ".onnx"),
                Options.builder()
                        .planning(planning)
                        .memoryBudget(values)
                        .weightsBudget(weights)
                        .build());
    }

    /** Patches each layer at each position from another run; also saves what a layer reads across. */
    private static List<Saved<Tensor>> sweep(Model model, Session s) {
        Run clean = s.run(CLEAN);
        List<Saved<Tensor>> saved = new ArrayList<>();
        for (int layer = 0; layer < model.manifest().layers(); layer++) {
            Site<Any> site = Site.of("layers." + layer + "#resid_post");
            for (int at = 0; at < 6; at++) {
                int place = at;
                Run run = s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), position(place))));
                saved.add(run.get("logits").at(position(-1)).save());
            }
        }
        saved.add(clean.get("layers.0#output").save());
        return saved;
    }

    private static void equal(List<Saved<Tensor>> found, List<Saved<Tensor>> expected) {
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < found.size(); i++) {
            float[] a = found.get(i).value().toFloats();
            float[] b = expected.get(i).value().toFloats();
            float[] close = new float[a.length];
            IntStream.range(0, a.length).forEach(at -> close[at] = Math.abs(a[at] - b[at]));
            float largest = 0;
            for (int at = 0; at < a.length; at++) {
                largest = Math.max(largest, close[at]);
            }
            assertThat(largest).isLessThan(1e-4f);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2/torchscript", "gpt2/with_past_dynamo", "llama/dynamo", "gpt_neox/torchscript"})
    void aSweepIsTheSame(String name) {
        for (Options.Planning planning : Options.Planning.values()) {
            try (OnnxModel whole = open(name, Options.Planning.OFF, 1L << 30, Long.MAX_VALUE);
                    OnnxModel cut = open(name, planning, 100_000, BUDGET)) {
                Plan plan = (Plan) cut.backend()
                        .prepare(cut.record(s -> sweep(cut, s)).graph(), Limits.NONE);
                assertThat(plan.programs())
                        .anyMatch(program -> plan.segments(program).size() > 2);
                assertThat(plan.explain()).contains("segments");
                equal(cut.session(s -> sweep(cut, s)), whole.session(s -> sweep(whole, s)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2/with_past", "llama/torchscript"})
    void aGenerationIsTheSame(String name) {
        try (OnnxModel whole = open(name, Options.Planning.FULL, 1L << 30, Long.MAX_VALUE);
                OnnxModel cut = open(name, Options.Planning.FULL, 1L << 30, BUDGET)) {
            assertThat(generated(cut)).isEqualTo(generated(whole));
        }
    }

    private static Generated generated(OnnxModel model) {
        return model.session(s -> s.generate(CLEAN, GenerationOptions.greedy(5), g -> {}))
                .value();
    }

    @Test
    void cutsAreBetweenBlocks() {
        ModelProto model = blocks(6, 1000);
        Program program = Program.ofValues(new ModelGraph(model), CLEAN, List.of("x6", "x2"));
        List<Segment> segments = new Segmentation(model, 20_000).of(program);
        assertThat(segments).hasSize(3);
        assertThat(segments.get(0).gives()).containsExactly("x2");
        assertThat(segments.get(1).gives()).containsExactly("x4");
        assertThat(segments.get(1).reads()).contains("x2").doesNotContain("x1", "a2");
        assertThat(segments.get(2).gives()).containsExactly(Program.VALUE + "x6", Program.VALUE + "x2");
        assertThat(segments.stream().mapToInt(segment -> segment.nodes().size()).sum())
                .isEqualTo(program.assembly().nodes().size());
    }

    @Test
    void whatFitsIsNotCutAndWhatIsTooLargeIsAlone() {
        ModelProto model = blocks(2, 1000);
        Program program = Program.ofValues(new ModelGraph(model), CLEAN, List.of("x2"));
        assertThat(new Segmentation(model, 16_000).of(program)).hasSize(1);
        List<Segment> segments = new Segmentation(model, 1).of(program);
        assertThat(segments)
                .allSatisfy(segment -> assertThat(segment.reads().stream().filter(each -> each.startsWith("w")))
                        .hasSizeLessThan(2));
    }

    @Test
    void aBudgetOfNothingIsRefused() {
        assertThatThrownBy(() -> Options.builder().weightsBudget(0).build())
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("1 byte or more");
    }

    /** Blocks with a residual stream x and two matrices each, of {@code size} numbers. */
    private static ModelProto blocks(int count, long size) {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("blocks");
        graph.addInputBuilder().setName("x0");
        for (int i = 0; i < count; i++) {
            graph.addNode(node("MatMul", "a" + i, "x" + i, "w" + i));
            graph.addNode(node("Relu", "b" + i, "a" + i));
            graph.addNode(node("MatMul", "c" + i, "b" + i, "w" + i + "out"));
            graph.addNode(node("Add", "x" + (i + 1), "x" + i, "c" + i));
            for (String name : List.of("w" + i, "w" + i + "out")) {
                graph.addInitializer(TensorProto.newBuilder()
                        .setName(name)
                        .setDataType(1)
                        .addDims(size)
                        .setDataLocation(TensorProto.DataLocation.EXTERNAL));
            }
        }
        ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(8).setGraph(graph);
        model.addOpsetImportBuilder().setVersion(17);
        return model.build();
    }

    private static NodeProto node(String type, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setName(output)
                .setOpType(type)
                .addAllInput(List.of(inputs))
                .addOutput(output)
                .build();
    }
}
