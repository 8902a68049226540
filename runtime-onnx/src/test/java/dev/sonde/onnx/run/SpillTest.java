package dev.sonde.onnx.run;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SpillTest {
    private static final OrtEnvironment ENVIRONMENT = RuntimeEnvironment.get(0).ort();

    @Test
    void aValueInAFileIsTheSame() throws Exception {
        OnnxTensor tensor = OnnxTensor.createTensor(ENVIRONMENT, new float[][] {{1, 2, 3}, {4, 5, 6}});
        assertThat(Spill.bytes(tensor)).isEqualTo(24);
        List<String> before = files();
        try (OnnxTensor spilled = Spill.toFile(ENVIRONMENT, tensor)) {
            assertThat(tensor.isClosed()).isTrue();
            assertThat(spilled.getInfo().getShape()).containsExactly(2, 3);
            assertThat((float[][]) spilled.getValue()).isDeepEqualTo(new float[][] {{1, 2, 3}, {4, 5, 6}});
            assertThat(before).containsAll(files());
        }
    }

    @Test
    void textIsNotPutIntoFiles() throws Exception {
        try (OnnxTensor tensor = OnnxTensor.createTensor(ENVIRONMENT, new String[] {"a"})) {
            assertThat(Spill.bytes(tensor)).isEqualTo(-1);
        }
    }

    private static List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return files.map(Path::toString)
                    .filter(each -> each.endsWith(".values"))
                    .toList();
        }
    }
}
