package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.data.Dataset;
import dev.sonde.graph.RunInput;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Schedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Distributed alignment search on hierarchical equality (is a == b the same as c == d?), as in Geiger et al. 2023, section 4, and
 * pyvene's tutorial, which reports 0.97: half of the first hidden layer's directions carry a == b. Training pairs are drawn
 * here, pairs to judge by are PyTorch's.
 */
class DasTest {
    private static final int WIDTH = 32;
    private static final int BATCH = 256;
    private static final int STEPS = 1200;

    @SuppressWarnings("NullAway.Init") // opened before the first test
    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.training().resolve("equality"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void halfOfTheDirectionsCarryTheEquality(long seed) {
        Das das = Das.of("layers.1#input", WIDTH, WIDTH / 2, seed);
        Pairs pairs = new Pairs(seed);
        model.train(Dataset.of(List.of(Map.of())), (s, rows, step) -> {
                    Counterfactuals some = pairs.draw(BATCH, step);
                    return das.run(s, some.base(), some.source())
                            .get("logits")
                            .crossEntropy(s.constant(some.labels()), "1")
                            .mean();
                })
                .optimizer(Optimizer.adam(0.01))
                .schedule(Schedule.linear(0, STEPS))
                .steps(STEPS)
                .run();
        assertThat(accuracy(das)).as("interchange accuracy").isGreaterThanOrEqualTo(0.97);
        assertOrthonormal(das.rotation().tensor());
    }

    @Test
    void randomDirectionsCarryNothing() {
        assertThat(accuracy(Das.of("layers.1#input", WIDTH, WIDTH / 2, 1))).isLessThan(0.75);
    }

    private static double accuracy(Das das) {
        long[] found = model.session(s -> das.run(s, test("base"), test("source"))
                        .get("logits")
                        .argmax("1")
                        .save())
                .value()
                .toLongs();
        long[] labels = References.training("equality/test_label").toLongs();
        double right = 0;
        for (int i = 0; i < labels.length; i++) {
            right += found[i] == labels[i] ? 1 : 0;
        }
        return right / labels.length;
    }

    private static RunInput test(String part) {
        return Input.tensors(Map.of("x", References.training("equality/test_" + part)));
    }

    private static void assertOrthonormal(Tensor rotation) {
        for (int i = 0; i < rotation.size(1); i++) {
            for (int j = 0; j < rotation.size(1); j++) {
                double dot = 0;
                for (int row = 0; row < rotation.size(0); row++) {
                    dot += rotation.at(row, i) * rotation.at(row, j);
                }
                assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5));
            }
        }
    }

    /** Base and source inputs, and what the causal model says of the base when its a == b is the source's. */
    private record Counterfactuals(RunInput base, RunInput source, Tensor labels) {}

    /** Draws counterfactuals for the variable a == b. */
    private static final class Pairs {
        private final long seed;
        private final List<float[]> vectors = vectors();

        Pairs(long seed) {
            this.seed = seed;
        }

        private static List<float[]> vectors() {
            List<float[]> found = new ArrayList<>();
            float[] all = References.training("equality/test_base").toFloats();
            for (int at = 0; at < all.length; at += 4) {
                float[] one = Arrays.copyOfRange(all, at, at + 4);
                if (found.stream().noneMatch(other -> Arrays.equals(one, other))) {
                    found.add(one);
                }
            }
            return found;
        }

        Counterfactuals draw(int rows, long step) {
            Random random = new Random(seed * STEPS + step);
            float[] base = new float[rows * 16];
            float[] source = new float[rows * 16];
            long[] labels = new long[rows];
            for (int row = 0; row < rows; row++) {
                pair(random, base, row * 16);
                boolean second = pair(random, base, row * 16 + 8);
                boolean first = pair(random, source, row * 16);
                pair(random, source, row * 16 + 8);
                labels[row] = first == second ? 1 : 0;
            }
            return new Counterfactuals(input(base), input(source), Tensor.of(labels, rows));
        }

        private boolean pair(Random random, float[] into, int at) {
            boolean equal = random.nextBoolean();
            int one = random.nextInt(vectors.size());
            int other = equal ? one : (one + 1 + random.nextInt(vectors.size() - 1)) % vectors.size();
            System.arraycopy(vectors.get(one), 0, into, at, 4);
            System.arraycopy(vectors.get(other), 0, into, at + 4, 4);
            return equal;
        }

        private static RunInput input(float[] rows) {
            return Input.tensors(Map.of("x", Tensor.of(rows, rows.length / 16, 16)));
        }
    }
}
