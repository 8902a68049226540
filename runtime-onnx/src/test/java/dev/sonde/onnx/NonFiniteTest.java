package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.NonFinite;
import dev.sonde.Site;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The first value that is not finite is found where it arises, not where it is seen. */
class NonFiniteTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"gpt2/dynamo.onnx", "gpt2/ort_fused.onnx", "llama/torchscript.onnx", "gpt_neox/dynamo.onnx"})
    void theFirstPlaceIsNamed(String file) {
        try (OnnxModel model = OnnxModel.open(TestModels.conformance().resolve(file))) {
            for (var input :
                    List.of(Input.ids(5, 6, 7, 8), Input.rows(List.of(List.of(5L, 6L, 7L, 8L), List.of(9L, 10L))))) {
                assertThat(model.firstNonFinite(input, t -> {})).isEmpty();
                NonFinite infinite = model.firstNonFinite(
                                input,
                                t -> t.update(
                                        Site.of("layers.1#mlp_out"),
                                        v -> v.with(position(1), Double.POSITIVE_INFINITY)))
                        .orElseThrow();
                assertThat(infinite.site()).isEqualTo("layers.1#mlp_out");
                assertThat(infinite.index()).containsExactly(0L, 1L, 0L);
                assertThat(infinite.value()).isInfinite();
                NonFinite undefined = model.firstNonFinite(
                                input,
                                t -> t.update(
                                        Site.of("layers.1#resid_pre"),
                                        v -> v.times(0).log().times(0)))
                        .orElseThrow();
                assertThat(undefined.site()).isEqualTo("layers.1#resid_pre");
                assertThat(undefined.value()).isNaN();
            }
        }
    }
}
