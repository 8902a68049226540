package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether earlier positions can change is read off the mask that a run has, whatever the model is called. */
class MaskProofTest {
    private static final RunInput CLEAN = Input.rows(List.of(List.of(5L, 17L, 60L, 3L, 44L, 12L, 9L, 71L, 30L)));
    private static final RunInput CORRUPT = Input.rows(List.of(List.of(8L, 2L, 33L, 90L, 51L, 6L, 14L, 27L, 65L)));
    /** The query's and the key's number in this file, and where they are compared. */
    private static final String QUERY = "unsqueeze_8";

    private static final String KEY = "unsqueeze_11";
    private static final String CAUSAL = "le";

    @TempDir
    private Path folder;

    @Test
    void aSlidingWindowIsCutInTime() throws IOException {
        Path file = masked(
                node("Sub", "low", QUERY, "four"),
                node("Greater", "near", KEY, "low"),
                node("And", CAUSAL, "causal", "near"));
        assertThat(planned(file)).contains("behind 8 stored ones").doesNotContain("Not all");
        sameNumbers(file);
    }

    @Test
    void aPrefixThatSeesItselfIsComputedFromItsStart() throws IOException {
        Path file = masked(node("Less", "early", KEY, "four"), node("Or", CAUSAL, "causal", "early"));
        assertThat(planned(file)).contains("Not all runs").contains("behind 8 stored ones");
        sameNumbers(file);
    }

    @Test
    void oneFutureKeyThatIsSeenIsEnoughToRefuse() throws IOException {
        Path file = masked(
                node("Equal", "last", KEY, "eight"), node("Equal", "first", QUERY, "one"),
                node("And", "leak", "last", "first"), node("Or", CAUSAL, "causal", "leak"));
        assertThat(planned(file)).contains("Not all runs").contains("behind 1 stored ones");
        sameNumbers(file);
    }

    private static NodeProto node(String type, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setOpType(type)
                .setName("test_" + output)
                .addAllInput(List.of(inputs))
                .addOutput(output)
                .build();
    }

    /** Writes a model whose causal mask is something else. */
    private Path masked(NodeProto... mask) throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(TestModels.conformance().resolve("gpt2/dynamo.onnx")))
                        .toBuilder();
        List<NodeProto> nodes = new ArrayList<>();
        boolean found = false;
        for (NodeProto each : model.getGraph().getNodeList()) {
            if (each.getOutputList().contains(CAUSAL)) {
                nodes.add(each.toBuilder().setOutput(0, "causal").build());
                nodes.addAll(List.of(mask));
                found = true;
            } else {
                nodes.add(each);
            }
        }
        assertThat(found).isTrue();
        model.getGraphBuilder()
                .clearNode()
                .addAllNode(nodes)
                .addInitializer(number("one", 1))
                .addInitializer(number("four", 4))
                .addInitializer(number("eight", 8));
        Path file = folder.resolve("masked.onnx");
        Files.write(file, model.build().toByteArray());
        return file;
    }

    private static TensorProto number(String name, long value) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(7)
                .setRawData(ByteString.copyFrom(bytes))
                .build();
    }

    private OnnxModel open(Path file, Options.Planning planning) {
        return OnnxModel.open(
                file,
                Options.builder()
                        .planning(planning)
                        .cacheFolder(folder.resolve("cache"))
                        .build());
    }

    private String planned(Path file) {
        try (OnnxModel model = open(file, Options.Planning.REUSE)) {
            Plan plan = (Plan) model.backend()
                    .prepare(model.record(s -> sweep(model, s)).graph(), Limits.NONE);
            return plan.notes().toString();
        }
    }

    private static Saved<Tensor> sweep(Model model, Session s) {
        Run clean = s.run(CLEAN);
        List<Integer> layers =
                IntStream.range(0, model.manifest().layers()).boxed().toList();
        List<Integer> positions = IntStream.range(0, 9).boxed().toList();
        return s.grid(layers, positions, (layer, at) -> {
                    Site<Any> site = Site.of("layers." + layer + "#resid_post");
                    return s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), Selector.position(at))))
                            .get(Site.of("logits"));
                })
                .save();
    }

    private void sameNumbers(Path file) {
        try (OnnxModel reuse = open(file, Options.Planning.REUSE);
                OnnxModel plain = open(file, Options.Planning.OFF)) {
            double[] found = reuse.session(s -> sweep(reuse, s)).value().toDoubles();
            double[] expected = plain.session(s -> sweep(plain, s)).value().toDoubles();
            double largest = 0;
            for (int i = 0; i < expected.length; i++) {
                largest = Math.max(largest, Math.abs(found[i] - expected[i]));
            }
            assertThat(found).hasSameSizeAs(expected);
            assertThat(largest).isLessThan(2e-5);
        }
    }
}
