package dev.sonde.onnx.grad;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import dev.sonde.DType;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Gradients go straight through rounding: they are those of the same values, not rounded. */
class RoundingTest {
    private static Trial trial() {
        return new Trial(new Random(3), DType.FLOAT32, 21);
    }

    private static Tensor unsigned(int value) {
        return Tensor.wrap(DType.UINT8, new long[0], List.of(), ByteBuffer.wrap(new byte[] {(byte) value}));
    }

    private static double[] gradient(Trial trial) throws OrtException {
        return new Finite(trial).gradients().get("in0").toDoubles();
    }

    private static double[] seed(Trial trial) throws OrtException {
        return new Finite(trial).seed(trial.outputs.get(0)).toDoubles();
    }

    @Test
    void throughWhatIsRoundedInsideTheRangeAndNotBeyond() throws OrtException {
        Trial t = trial();
        t.x(() -> t.away(-1.5, 126), 2, 6);
        t.inputs.put("in0", Tensor.of(new float[] {0.2f, -1.4f, -3f, 126f, 127f, 50f}, 6));
        String zero = t.constant(unsigned(3));
        String whole = t.node("QuantizeLinear", List.of("in0", t.scalar(0.5), zero));
        t.of(
                "DequantizeLinear",
                List.of(whole, t.constants.keySet().stream().skip(1).findFirst().orElseThrow(), zero));
        double[] seed = seed(t);
        // values from (0 - 3) / 2 to (255 - 3) / 2 are inside
        assertThat(gradient(t)).containsExactly(seed[0], seed[1], 0, seed[3], 0, seed[5]);
    }

    @Test
    void byTheScaleOfTheChannel() throws OrtException {
        Trial t = trial();
        t.inputs.put("in0", Tensor.of(new float[] {0.2f, 0.4f, 0.6f, 1, 2, 3}, 2, 3));
        t.wanted.add("in0");
        String scale = t.constant(Tensor.of(new float[] {0.5f, 0.25f, 0.125f}, 3));
        String zero =
                t.constant(Tensor.wrap(DType.UINT8, new long[] {3}, List.of(), ByteBuffer.wrap(new byte[] {1, 2, 3})));
        String whole = t.node("QuantizeLinear", List.of("in0", scale, zero), Attrs.of("axis", 1L));
        t.of("DequantizeLinear", List.of(whole, scale, zero), Attrs.of("axis", 1L));
        assertThat(gradient(t)).containsExactly(seed(t));
    }

    @Test
    void throughProductsOfWholeNumbers() throws OrtException {
        Trial t = trial();
        t.inputs.put("in0", Trial.Numbers.floats(DType.FLOAT32, t::normal, 2, 3));
        t.wanted.add("in0");
        String x = t.node("", "DynamicQuantizeLinear", 3, List.of("in0"));
        String weights = t.constant(
                Tensor.wrap(DType.UINT8, new long[] {3, 2}, List.of(), ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5, 7})));
        String product = t.node("MatMulInteger", List.of(x, weights, x + ":2", t.constant(unsigned(2))));
        String floats = t.node("Cast", List.of(product), Attrs.of("to", 1L));
        t.of("Mul", List.of(floats, x + ":1"));
        double[] g = seed(t);
        double[][] w = {{-1, 0}, {1, 2}, {3, 5}};
        double[] found = gradient(t);
        for (int i = 0; i < 6; i++) {
            double expected = g[i / 3 * 2] * w[i % 3][0] + g[i / 3 * 2 + 1] * w[i % 3][1];
            assertThat(found[i]).isCloseTo(expected, org.assertj.core.api.Assertions.within(1e-5));
        }
    }

    @Test
    void weightsInFewBitsHaveNone() throws OrtException {
        Map<String, RuleCases.Case> all = RuleCases.all();
        Trial t = new Trial(new Random(1), DType.FLOAT32, 21);
        all.get("com.microsoft:MatMulNBits").make().accept(t);
        assertThat(new Finite(t).gradients()).containsOnlyKeys("in0");
    }
}
