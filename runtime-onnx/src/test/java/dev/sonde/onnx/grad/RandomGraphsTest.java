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

    private static Trial trial(int seed) {
        Random random = new Random(seed);
        DType dtype = seed % 3 == 2 ? DType.FLOAT32 : DType.FLOAT64;
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
            Trial trial = trial(seed);
            Finite finite = new Finite(trial);
            Map<String, double[]> expected = finite.smoothDifferences();
            for (double[] slopes : expected.values()) {
                numbers += slopes.length;
                for (double slope : slopes) {
                    compared += Double.isNaN(slope) ? 0 : 1;
                }
            }
            try {
                finite.check(Finite.Known.SIZES, expected);
                finite.check(Finite.Known.INPUTS, expected);
            } catch (SondeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
        assertThat(compared).isGreaterThan(numbers * 4 / 5);
    }

    @Test
    void theGraphsHaveManyOperators() {
        Map<String, Integer> counts = new TreeMap<>();
        for (int seed = 0; seed < SEEDS; seed++) {
            trial(seed).nodes.forEach(node -> counts.merge(node.getOpType(), 1, Integer::sum));
        }
        assertThat(counts.size()).isGreaterThan(55);
        assertThat(Rules.operators()).containsAll(counts.keySet().stream()
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
