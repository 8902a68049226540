package dev.sonde.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The workloads do their work; how fast is nobody's business here. */
class WorkloadTest {
    private static final List<Long> CLEAN = List.of(1L, 3L, 44L, 9L, 45L, 10L, 11L, 12L, 24L, 7L, 44L);
    private static final List<Long> CORRUPT = List.of(1L, 3L, 44L, 9L, 45L, 10L, 11L, 12L, 24L, 7L, 45L);
    private static final Inputs INPUTS = new Inputs(List.of(CLEAN), List.of(CORRUPT), List.of(CLEAN, CORRUPT), 45, 44);

    @Test
    void everyWorkloadRuns() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            assertThat(Workload.W1.run(model, INPUTS)).isEmpty();
            assertThat(Workload.W4.run(model, INPUTS)).hasSize(3 * 11);
            assertThat(Workload.W5.run(model, INPUTS)).hasSize(3 * 4);
            assertThat(Workload.W11.run(model, INPUTS)).hasSize(3 * 2 * 11);
        }
    }

    @Test
    void theFileRunsOnOnnxRuntimeAloneToo() throws Exception {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            assertThat(model.manifest().layers()).isEqualTo(3);
            try (Plain plain = new Plain(TestModels.tiny("names").resolve("model.onnx"), 1)) {
                assertThatCode(() -> plain.run(List.of(CLEAN))).doesNotThrowAnyException();
            }
        }
    }
}
