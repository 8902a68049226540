package dev.sonde.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Tensor;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The workloads do their work; how fast is nobody's business here. */
class WorkloadTest {
    private static final List<Long> CLEAN = List.of(1L, 3L, 44L, 9L, 45L, 10L, 11L, 12L, 24L, 7L, 44L);
    private static final List<Long> CORRUPT = List.of(1L, 3L, 44L, 9L, 45L, 10L, 11L, 12L, 24L, 7L, 45L);
    private static final List<List<Long>> TWO = List.of(CLEAN, CORRUPT);
    private static final Tensor VECTOR = Tensor.of(new float[64]);
    private static final Inputs INPUTS = new Inputs(
            List.of(CLEAN), List.of(CORRUPT), TWO, TWO, TWO, 45, 44, VECTOR, 1, List.of(CLEAN), VECTOR, VECTOR);

    @Test
    void everyWorkloadRuns() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            assertThat(Sweeps.patchPositions(model, INPUTS)).hasSize(3 * 11);
            assertThat(Sweeps.patchHeads(model, INPUTS)).hasSize(3 * 4);
            assertThat(Lens.best(model, INPUTS)).hasSize(3 * 2 * 11);
            assertThat(Capture.inMemory(model, INPUTS.prompts())).hasSize(3);
        }
    }

    @Test
    void theFileRunsOnOnnxRuntimeAloneToo() throws Exception {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            assertThat(model.manifest().layers()).isEqualTo(3);
            try (Plain plain = new Plain(TestModels.tiny("names").resolve("model.onnx"), 1, OptLevel.BASIC_OPT)) {
                assertThatCode(() -> plain.on(List.of(CLEAN)).run()).doesNotThrowAnyException();
            }
        }
    }
}
