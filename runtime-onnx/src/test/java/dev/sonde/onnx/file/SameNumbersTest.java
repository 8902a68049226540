package dev.sonde.onnx.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The skeleton computes what the file computes, bit for bit, at the same settings of ONNX Runtime. */
class SameNumbersTest {
    @TempDir
    static Path cache;

    static Stream<Path> committed() throws IOException {
        try (Stream<Path> suites = Files.walk(TestModels.conformance());
                Stream<Path> tiny = Files.walk(TestModels.root().resolve("tiny"))) {
            return Stream.concat(suites, tiny)
                    .filter(file -> file.toString().endsWith(".onnx"))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    @ParameterizedTest
    @MethodSource("committed")
    void skeletonOfEveryCommittedModelComputesTheSame(Path model) throws OrtException {
        check(model);
    }

    @Test
    void skeletonOfMiniLmComputesTheSame() throws OrtException {
        check(TestModels.miniLm().resolve("model.onnx"));
    }

    @Test
    void skeletonsOfSmollm2ComputeTheSame() throws OrtException {
        Path folder = TestModels.smollm2()
                .orElseGet(() -> abort("SmolLM2 is not here: run src-test-models/smollm2.sh to fetch it"));
        check(folder.resolve("model.onnx"));
        if (Boolean.getBoolean("sonde.full")) {
            check(folder.resolve("with_past/model.onnx"));
        }
    }

    private static void check(Path model) throws OrtException {
        OnnxFile file = OnnxFile.open(model, cache);
        Map<String, ByteBuffer> expected;
        try (OrtSession original = Runs.session(model)) {
            expected = Runs.run(original);
        }
        try (OrtSession skeleton = Runs.session(file)) {
            Map<String, ByteBuffer> actual = Runs.run(skeleton);
            assertThat(actual.keySet()).containsExactlyElementsOf(expected.keySet());
            expected.forEach(
                    (name, bytes) -> assertThat(actual.get(name)).as(name).isEqualTo(bytes));
            assertThat(expected.values())
                    .anySatisfy(bytes -> assertThat(bytes.remaining()).isPositive());
        }
        assertThat(file.skeleton().getGraph().getNodeList())
                .noneMatch(node -> node.getOpType().equals("Constant"));
        assertThat(file.skeleton().getGraph().getNodeList().stream()
                        .map(n -> n.getName())
                        .distinct())
                .hasSameSizeAs(file.skeleton().getGraph().getNodeList());
        OnnxFile again = OnnxFile.open(model, cache);
        assertThat(again.skeleton()).isEqualTo(file.skeleton());
        assertThat(again.sha256()).isEqualTo(file.sha256());
        assertThat(again.notes()).isEqualTo(file.notes());
    }
}
