package dev.sonde.onnx.grad;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import dev.sonde.DType;
import dev.sonde.SondeException;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients of random small graphs against central differences: in float64, and in float32 with the fused operators. */
class RandomGraphsTest {
    private static final int SEEDS = Boolean.getBoolean("sonde.full") ? 1500 : 150;
    private static final int GROUP = 50;

    static IntStream groups() {
        return IntStream.range(0, SEEDS / GROUP);
    }

    private static Trial trial(int seed, DType dtype) {
        Random random = new Random(seed);
        Trial trial = new Trial(random, dtype, seed % 2 == 0 ? 17 : 22);
        RandomGraph.make(trial, 3 + random.nextInt(7));
        return trial;
    }

    @ParameterizedTest(name = "seeds from {0} times 50")
    @MethodSource("groups")
    void gradientsAreThoseOfDifferences(int group) throws OrtException {
        int numbers = 0;
        int compared = 0;
        for (int seed = group * GROUP; seed < (group + 1) * GROUP; seed++) {
            DType dtype = dtype(seed);
            Map<String, double[]> expected;
            try {
                expected = check(seed, dtype);
            } catch (OrtException noDouble) {
                assertThat(dtype).as(noDouble.getMessage()).isEqualTo(DType.FLOAT64);
                assertThat(noDouble).hasMessageContaining("NOT_IMPLEMENTED");
                expected = check(seed, DType.FLOAT32);
            }
            for (double[] slopes : expected.values()) {
                numbers += slopes.length;
                for (double slope : slopes) {
                    compared += Double.isNaN(slope) ? 0 : 1;
                }
            }
        }
        assertThat(compared).isGreaterThan(numbers * 4 / 5);
    }

    /** Returns the differences that the gradients were held to. */
    private static Map<String, double[]> check(int seed, DType dtype) throws OrtException {
        Finite finite = new Finite(trial(seed, dtype));
        Map<String, double[]> expected = finite.smoothDifferences();
        try {
            finite.check(Finite.Known.SIZES, expected);
            inputsOnly(finite, expected);
        } catch (SondeException | AssertionError e) {
            throw new AssertionError("seed " + seed + " in " + dtype + ": " + e.getMessage(), e);
        }
        return expected;
    }

    private static void inputsOnly(Finite finite, Map<String, double[]> expected) throws OrtException {
        try {
            finite.check(Finite.Known.INPUTS, expected);
        } catch (SondeException refused) { // sizes that only the run tells
            assertThat(refused).hasMessageContaining("are not known before it runs");
        }
    }

    private static DType dtype(int seed) {
        return seed % 3 == 2 ? DType.FLOAT32 : DType.FLOAT64;
    }

    @Test
    void theGraphsHaveManyOperators() {
        Map<String, Integer> counts = new TreeMap<>();
        for (int seed = 0; seed < SEEDS; seed++) {
            trial(seed, dtype(seed)).nodes.forEach(node -> counts.merge(node.getOpType(), 1, Integer::sum));
        }
        assertThat(counts.size()).isGreaterThan(55);
        assertThat(Rules.operators())
                .containsAll(counts.keySet().stream()
                        .filter(type -> !java.util.Set.of(
                                        "FastGelu",
                                        "BiasGelu",
                                        "QuickGelu",
                                        "SkipLayerNormalization",
                                        "SkipSimplifiedLayerNormalization")
                                .contains(type))
                        .toList());
    }
}
