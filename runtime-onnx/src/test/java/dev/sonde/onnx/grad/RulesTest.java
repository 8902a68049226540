package dev.sonde.onnx.grad;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OrtException;
import dev.sonde.DType;
import dev.sonde.SondeException;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule against central differences, in float64 where ONNX Runtime has the operator in it. */
class RulesTest {
    private static final int SEEDS = Boolean.getBoolean("sonde.full") ? 40 : 2;

    /** Forms whose gradient needs sizes, or numbers that are given when it runs; they say so. */
    private static final Set<String> NEED_SIZES = Set.of(
            "GatherND",
            "GatherND of batches",
            "Conv",
            "Conv of one axis",
            "Conv same",
            "Conv of patches",
            "ConvTranspose",
            "ConvTranspose in groups");

    /** Operators of which the gradient has no gradient in every part; that is said. */
    private static final Set<String> ONCE = Set.of(
            "ReduceProd",
            "ReduceProd axes as attribute",
            "ReduceProd with zeros",
            "Conv",
            "Conv of one axis",
            "Conv same",
            "Conv of patches",
            "ConvTranspose",
            "ConvTranspose in groups");

    /** Operators that ONNX Runtime computes in float32 inside, whatever their type. */
    private static final Set<String> NARROW =
            Set.of("Shrink", "LayerNormalization", "GroupNormalization", "com.microsoft:FastGelu");

    /** Operators that round: held to what they round. */
    private static final Set<String> ROUNDING = Set.of(
            "QuantizeLinear",
            "DequantizeLinear",
            "com.microsoft:QuantizeLinear",
            "com.microsoft:DequantizeLinear",
            "DynamicQuantizeLinear",
            "MatMulInteger");

    /** Older names, and the same operators in a domain where no kernel of them is left. */
    private static final Set<String> OTHER_NAMES =
            Set.of("Scatter", "Upsample", "com.microsoft:SimplifiedLayerNormalization");

    static Stream<String> cases() {
        return RuleCases.all().keySet().stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void gradientsAreThoseOfDifferences(String name) throws OrtException {
        RuleCases.Case each = RuleCases.all().get(name);
        for (int seed = 0; seed < SEEDS; seed++) {
            Finite finite = finite(each, seed);
            Map<String, double[]> expected = finite.differences();
            for (Finite.Known known : Finite.Known.values()) {
                try {
                    finite.check(known, expected);
                } catch (SondeException refused) {
                    assertThat(known).as(refused.getMessage()).isNotEqualTo(Finite.Known.SIZES);
                    assertThat(NEED_SIZES).as(refused.getMessage()).contains(name);
                    assertThat(refused.code()).isEqualTo("not-differentiable");
                }
            }
            if (seed > 0) {
                continue;
            }
            if (ONCE.contains(name)) {
                assertThatThrownBy(finite::checkTwice)
                        .isInstanceOf(SondeException.class)
                        .hasMessageContaining("There is no gradient through");
            } else {
                finite.checkTwice();
            }
        }
    }

    private static Finite finite(RuleCases.Case each, int seed) throws OrtException {
        int opset = seed % 2 == 0 ? each.since() : Math.max(each.since(), Math.min(each.until(), 24));
        if (NARROW.contains(each.operator())) {
            return finite(each, seed, DType.FLOAT32, opset);
        }
        try {
            return finite(each, seed, DType.FLOAT64, opset);
        } catch (OrtException noDouble) {
            return finite(each, seed, DType.FLOAT32, opset);
        }
    }

    private static Finite finite(RuleCases.Case each, int seed, DType dtype, int opset) throws OrtException {
        Trial trial = new Trial(new Random(seed), dtype, opset);
        each.make().accept(trial);
        Finite finite = new Finite(trial);
        finite.tryBackward();
        return finite;
    }

    @Test
    void everyRuleIsTested() {
        Set<String> tested = new TreeSet<>();
        RuleCases.all().values().forEach(each -> tested.add(each.operator()));
        tested.addAll(ROUNDING);
        tested.addAll(OTHER_NAMES);
        assertThat(tested).containsAll(Rules.operators());
    }
}
