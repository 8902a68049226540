package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Row;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Schedule;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import dev.sonde.training.Training;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What depends on the step, stays orthonormal or is drawn is the same after a training was resumed, bit for bit. */
class ResumedMethodsTest {
    private static final int WIDTH = 32;

    @SuppressWarnings("NullAway.Init") // opened before the first test
    private static OnnxModel model;

    @TempDir
    private Path folder;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.training().resolve("equality"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private record Made(Training training, List<Trainable> trainables) {}

    private void assertResumes(Supplier<Made> make) {
        Made whole = make.get();
        Trained expected = whole.training().steps(7).run();
        Path file = folder.resolve("kept.safetensors");
        make.get().training().steps(3).checkpoint(file).run();
        Made resumed = make.get();
        Trained found = resumed.training().steps(7).checkpoint(file).run();
        assertThat(found.steps()).isEqualTo(expected.steps());
        for (int i = 0; i < whole.trainables().size(); i++) {
            assertThat(resumed.trainables().get(i).tensor())
                    .isEqualTo(whole.trainables().get(i).tensor());
            assertThat(whole.trainables().get(i).tensor())
                    .isNotEqualTo(make.get().trainables().get(i).tensor());
        }
    }

    private static RunInput points(String part, List<Row> rows) {
        return Input.tensors(Map.of("x", Rows.of(References.training("equality/test_" + part), rows)));
    }

    private static Value<Any> loss(Session s, Run run, List<Row> rows) {
        long[] labels = rows.stream()
                .mapToLong(
                        row -> (long) References.training("equality/test_label").at(Rows.number(row)))
                .toArray();
        return run.get("logits")
                .crossEntropy(s.constant(Tensor.of(labels, labels.length)), "1")
                .mean();
    }

    private static Training train(Training.Body body) {
        return model.train(Rows.dataset(References.training("equality/test_base")), body)
                .batch(32)
                .shuffle(5);
    }

    @Test
    void directionsAndABoundary() {
        assertResumes(() -> {
            BoundlessDas das = BoundlessDas.of("layers.1#input", WIDTH, 3);
            Training training = train((s, rows, step) -> {
                        Value<Any> source = s.run(points("source", rows)).get("layers.1#input");
                        double temperature = 5 * Math.pow(0.5, (double) step);
                        Run run = s.run(points("base", rows), t -> das.interchange(s, t, source, temperature));
                        return loss(s, run, rows).plus(das.size(s).sum());
                    })
                    .optimizer(Optimizer.adam(0.01))
                    .schedule(Schedule.cosine(2, 7));
            return new Made(training, List.of(das.rotation(), das.boundary()));
        });
    }

    @Test
    void aMaskThatIsDrawn() {
        assertResumes(() -> {
            BinaryMask mask = BinaryMask.of("units", 1, WIDTH);
            Training training = train((s, rows, step) -> {
                        Value<Any> open = mask.sampled(s, step);
                        Run run = s.run(
                                points("base", rows),
                                t -> BinaryMask.blend(t, t.site("layers.1#input"), open, t.constant(0)));
                        return loss(s, run, rows).plus(mask.expectedOpen(s).mean());
                    })
                    .optimizer(Optimizer.sgd(0.5).withMomentum(0.9));
            return new Made(training, List.of(mask.logits()));
        });
    }
}
