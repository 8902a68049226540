package dev.sonde.onnx.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Schedule;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import dev.sonde.training.Training;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every optimiser, schedule and clipping takes PyTorch's way through a softmax regression of 16 steps. */
class OptimizersTest {
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

    static Stream<Arguments> settings() {
        return Stream.of(
                of("sgd", t -> t.optimizer(Optimizer.sgd(0.3))),
                of("sgd_decay", t -> t.optimizer(Optimizer.sgd(0.3).withWeightDecay(0.1))),
                of("momentum", t -> t.optimizer(Optimizer.sgd(0.2).withMomentum(0.9))),
                of("dampened", t -> t.optimizer(new Optimizer.Sgd(0.2, 0.9, 0.5, false, 0.05))),
                of("nesterov", t -> t.optimizer(new Optimizer.Sgd(0.2, 0.8, 0, true, 0))),
                of("adam", t -> t.optimizer(Optimizer.adam(0.1))),
                of(
                        "adam_decay",
                        t -> t.optimizer(Optimizer.adam(0.1)
                                .withBetas(0.8, 0.95)
                                .withEpsilon(1e-6)
                                .withWeightDecay(0.1))),
                of("adamw", t -> t.optimizer(Optimizer.adamW(0.1).withWeightDecay(0.2))),
                of("clipped", t -> t.optimizer(Optimizer.adam(0.1)).clipNorm(0.2)),
                of("linear", t -> t.optimizer(Optimizer.sgd(0.5)).schedule(Schedule.linear(4, 16))),
                of("cosine", t -> t.optimizer(Optimizer.adamW(0.2)).schedule(Schedule.cosine(3, 16))),
                of("stepwise", t -> t.optimizer(Optimizer.sgd(0.5)).schedule(Schedule.stepwise(5, 0.5))));
    }

    private static Arguments of(String name, UnaryOperator<Training> how) {
        return Arguments.of(name, how);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void takesTheWayThatPyTorchTakes(String name, UnaryOperator<Training> how) {
        Trainable weights = Trainable.of("w", Reference.method("optim/start"));
        Trained trained = how.apply(model.train(rows(24), (s, rows) -> loss(s, rows, weights)))
                .batch(8)
                .steps(16)
                .run();
        close(trained.losses(), "optim/" + name + "/losses");
        close(trained.steps().stream().mapToDouble(step -> step.gradientNorm()).toArray(), "optim/" + name + "/norms");
        close(trained.steps().stream().mapToDouble(step -> step.learningRate()).toArray(), "optim/" + name + "/rates");
        close(weights.tensor().toDoubles(), "optim/" + name + "/final");
    }

    private static void close(double[] actual, String expected) {
        double[] wanted = Reference.method(expected).toDoubles();
        assertThat(actual).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.length; i++) {
            assertThat(actual[i]).as("%s[%d]", expected, i).isCloseTo(wanted[i], within(2e-5));
        }
    }

    private static Value<Any> loss(Session s, List<Row> rows, Trainable weights) {
        float[] x = new float[rows.size() * 6];
        long[] labels = new long[rows.size()];
        for (int i = 0; i < labels.length; i++) {
            int row = (int) rows.get(i).whole("row");
            System.arraycopy(Reference.method("optim/x").row(row).toFloats(), 0, x, i * 6, 6);
            labels[i] = (long) Reference.method("optim/labels").at(row);
        }
        return s.constant(Tensor.of(x, labels.length, 6))
                .matmul(s.trainable(weights))
                .crossEntropy(s.constant(Tensor.of(labels, labels.length)), "1")
                .mean();
    }

    private static Dataset rows(int count) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            rows.add(Map.of("row", i));
        }
        return Dataset.of(rows);
    }
}
