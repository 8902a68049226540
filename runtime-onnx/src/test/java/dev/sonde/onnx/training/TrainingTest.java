package dev.sonde.onnx.training;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Safetensors;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Row;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.spi.Control;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Schedule;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import dev.sonde.training.Training;
import dev.sonde.training.TrainingProgress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A steering vector in a small decoder, held to PyTorch's training of it, and what a training promises besides. */
class TrainingTest {
    private static final Site<Any> BLOCK = Site.of("transformer.h.1#output");
    private static final long ZOE = 67;

    @SuppressWarnings("NullAway.Init") // opened before the first test
    private static OnnxModel model;

    @TempDir
    private Path folder;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.tiny("names"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static RunInput input(List<Row> rows) {
        return Input.rows(rows.stream()
                .map(row -> Arrays.stream(row.ids("ids")).boxed().toList())
                .toList());
    }

    private static Value<Any> loss(Session s, List<Row> rows, Trainable vector) {
        Run run = s.run(input(rows), t -> t.add(BLOCK, t.trainable(vector)));
        long[] targets = new long[rows.size()];
        Arrays.fill(targets, ZOE);
        return run.get("logits")
                .at(position(-1))
                .crossEntropy(s.constant(Tensor.of(targets, targets.length)), "vocab")
                .mean();
    }

    private static Training steering(Trainable vector) {
        return model.train(Reference.ids("steering/ids"), (s, rows) -> loss(s, rows, vector))
                .optimizer(Optimizer.adam(0.05))
                .batch(8)
                .steps(40);
    }

    private static Trainable start() {
        return Trainable.of("steer", Reference.tensor("steering/start"));
    }

    @Test
    void aSteeringVectorTakesTheWayItTakesInPyTorch() {
        Trainable vector = start();
        List<TrainingProgress> told = new ArrayList<>();
        Trained trained = steering(vector).progress(told::add).run();
        double[] expected = Reference.tensor("steering/losses").toDoubles();
        assertThat(trained.losses()).hasSize(40);
        for (int i = 0; i < expected.length; i++) {
            assertThat(trained.losses()[i]).as("step %d", i).isCloseTo(expected[i], within(1e-3 + 0.002 * expected[i]));
        }
        double[] last = vector.tensor().toDoubles();
        double[] theirs = Reference.tensor("steering/final").toDoubles();
        for (int i = 0; i < last.length; i++) {
            assertThat(last[i]).isCloseTo(theirs[i], within(5e-3));
        }
        assertThat(trained.tensors()).containsEntry("steer", vector.tensor());
        assertThat(told).hasSize(40);
        assertThat(told.get(39).toString()).startsWith("step 40 of 40, loss 0.0");
        assertThat(trained.steps().get(39).epoch()).isEqualTo(9);
    }

    @Test
    void aResumedTrainingIsOneThatWasNeverEnded() throws IOException {
        Trainable whole = start();
        Trained expected = settings(whole).steps(9).run();
        Path file = folder.resolve("steer.safetensors");
        int[] asked = {0};
        Control after4 = new Control() {
            @Override
            public boolean cancelled() {
                return asked[0] >= 4;
            }
        };
        assertThatThrownBy(() -> settings(start())
                        .steps(9)
                        .checkpoint(file)
                        .progress(p -> asked[0]++)
                        .control(after4)
                        .run())
                .isInstanceOfSatisfying(
                        SondeException.class, e -> assertThat(e.code()).isEqualTo("cancelled"));
        Trainable resumed = Trainable.zeros("steer", 64);
        Trained found = settings(resumed).steps(9).checkpoint(file, 2).run();
        assertThat(found.steps()).isEqualTo(expected.steps());
        assertThat(resumed.tensor()).isEqualTo(whole.tensor());
        Safetensors kept = Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), "kept");
        assertThat(kept.tensors().get("steer")).isEqualTo(whole.tensor());
        assertThat(settings(resumed).steps(9).checkpoint(file).run().steps()).isEqualTo(expected.steps());
    }

    /** Everything that a checkpoint must keep: two moments, an order of rows, an epoch that is not whole, several batches a step. */
    private static Training settings(Trainable vector) {
        return steering(vector)
                .optimizer(Optimizer.adamW(0.05))
                .schedule(Schedule.cosine(2, 9))
                .batch(5)
                .accumulate(2)
                .clipNorm(0.5)
                .shuffle(7);
    }

    @Test
    void aCheckpointOfAnotherTrainingIsRefused() throws IOException {
        Path file = folder.resolve("steer.safetensors");
        steering(start()).steps(1).checkpoint(file).run();
        assertThatThrownBy(() -> steering(start()).batch(4).checkpoint(file).run())
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[other-checkpoint]")
                .hasMessageContaining("batches of 8");
        Trainable other = Trainable.zeros("other", 64);
        assertThatThrownBy(() -> steering(other).checkpoint(file).run())
                .hasMessageContaining("has no trainable 'other' but [steer]");
        Files.write(file, new Safetensors(Map.of(), Map.of()).toBytes());
        assertThatThrownBy(() -> steering(start()).checkpoint(file).run())
                .hasMessageContaining("is no checkpoint of a training");
    }

    @Test
    void rowsInTheSameOrderGiveTheSameNumbers() {
        Trainable one = start();
        Trainable other = start();
        Trainable third = start();
        Trained first = steering(one).shuffle(3).steps(6).run();
        assertThat(steering(other).shuffle(3).steps(6).run().steps()).isEqualTo(first.steps());
        assertThat(other.tensor()).isEqualTo(one.tensor());
        assertThat(steering(third).shuffle(4).steps(6).run().steps()).isNotEqualTo(first.steps());
    }

    @Test
    void gradientsOfSeveralBatchesAreThatOfOne() {
        Trainable one = start();
        Trainable other = start();
        Trained whole =
                steering(one).optimizer(Optimizer.sgd(0.1)).batch(8).steps(2).run();
        Trained parts = steering(other)
                .optimizer(Optimizer.sgd(0.1))
                .batch(4)
                .accumulate(2)
                .steps(2)
                .run();
        for (int i = 0; i < 2; i++) {
            assertThat(parts.losses()[i]).isCloseTo(whole.losses()[i], within(1e-5));
            assertThat(parts.steps().get(i).gradientNorm())
                    .isCloseTo(whole.steps().get(i).gradientNorm(), within(1e-5));
        }
    }

    @Test
    void longGradientsAreCut() {
        Trainable vector = Trainable.zeros("steer", 64);
        Trained trained = steering(vector)
                .optimizer(Optimizer.sgd(1))
                .clipNorm(0.01)
                .steps(1)
                .run();
        assertThat(trained.steps().get(0).gradientNorm()).isGreaterThan(0.01);
        double norm = Math.sqrt(
                Arrays.stream(vector.tensor().toDoubles()).map(x -> x * x).sum());
        assertThat(norm).isCloseTo(0.01, within(1e-5));
    }

    @Test
    void oneEpochUnlessToldOtherwise() {
        Trainable vector = start();
        Trained trained = model.train(Reference.ids("steering/ids").limit(7), (s, rows) -> loss(s, rows, vector))
                .batch(3)
                .epochs(2)
                .run();
        assertThat(trained.steps()).extracting(step -> step.epoch()).containsExactly(0L, 0L, 0L, 1L, 1L, 1L);
    }

    @Test
    void aLossThatUsesNothingTrainableIsAMistake() {
        assertThatThrownBy(() -> model.train(
                                Reference.ids("steering/ids"),
                                (s, rows) -> s.run(input(rows)).get("logits").mean())
                        .run())
                .hasMessageContaining("[no-trainables]");
    }

    @Test
    void aTrainableIsMadeOutsideTheBody() {
        assertThatThrownBy(() -> model.train(Reference.ids("steering/ids"), (s, rows) -> loss(s, rows, start()))
                        .run())
                .hasMessageContaining(
                        "[no-trainables] Trainable 'steer' is used by a later batch and not by the first");
    }

    @Test
    void twoTrainablesOfOneNameAreAMistake() {
        assertThatThrownBy(() -> model.train(
                                Reference.ids("steering/ids"),
                                (s, rows) -> loss(s, rows, start()).plus(loss(s, rows, start())))
                        .run())
                .hasMessageContaining("[duplicate-name] Two trainables are called 'steer'");
    }

    @Test
    void aLossThatIsNoNumberEndsTheTraining() {
        Trainable vector = start();
        assertThatThrownBy(() -> model.train(
                                Reference.ids("steering/ids"),
                                (s, rows) -> loss(s, rows, vector).minus(1e9).log())
                        .run())
                .hasMessageContaining("[not-finite] The loss of step 0 is NaN");
        assertThat(vector.tensor()).isEqualTo(start().tensor());
    }
}
