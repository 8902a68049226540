package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.graph.RunInput;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A vocabulary large enough for logits to be computed only where they are looked at. */
class LargeVocabularyTest {
    private static final int TIMES = 12;

    @TempDir
    private Path folder;

    @Test
    void stepsWithoutACacheChooseFromTheirOwnPosition() throws IOException {
        Path small = TestModels.conformance().resolve("llama").resolve("torchscript.onnx");
        Path large = folder.resolve("model.onnx");
        Files.write(large, withCopiesOfEveryWord(ModelProto.parseFrom(Files.readAllBytes(small))));
        // each word is there twelve times, the first of equals is chosen: the same tokens come
        assertThat(generated(large)).isEqualTo(generated(small));
    }

    private static List<Long> generated(Path file) {
        RunInput input = Input.ids(5, 6, 7, 20);
        GenerationOptions options =
                GenerationOptions.builder().maxNewTokens(8).stopTokens().build();
        try (OnnxModel model = OnnxModel.open(file)) {
            return model.session(s -> s.generate(input, options, g -> {}))
                    .value()
                    .ids();
        }
    }

    private static byte[] withCopiesOfEveryWord(ModelProto model) {
        GraphProto.Builder graph = model.getGraph().toBuilder();
        NodeProto last = graph.getNodeList().stream()
                .filter(node -> node.getOutputList().contains("logits"))
                .findFirst()
                .orElseThrow();
        for (int i = 0; i < graph.getInitializerCount(); i++) {
            if (graph.getInitializer(i).getName().equals(last.getInput(1))) {
                graph.setInitializer(i, wider(graph.getInitializer(i)));
            }
        }
        graph.clearValueInfo();
        graph.getOutputBuilder(0)
                .getTypeBuilder()
                .getTensorTypeBuilder()
                .getShapeBuilder()
                .getDimBuilder(2)
                .setDimValue(97 * TIMES);
        return model.toBuilder().setGraph(graph).build().toByteArray();
    }

    private static TensorProto wider(TensorProto weight) {
        int line = (int) weight.getDims(1) * Float.BYTES;
        List<ByteString> lines = new ArrayList<>();
        for (int at = 0; at < weight.getRawData().size(); at += line) {
            ByteString one = weight.getRawData().substring(at, at + line);
            for (int i = 0; i < TIMES; i++) {
                lines.add(one);
            }
        }
        return weight.toBuilder()
                .setDims(1, weight.getDims(1) * TIMES)
                .setRawData(ByteString.copyFrom(lines))
                .build();
    }
}
