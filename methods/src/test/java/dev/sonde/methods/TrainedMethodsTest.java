package dev.sonde.methods;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.graph.RunInput;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Methods that train, held to what PyTorch reached with the same ({@code src-test-models/scripts/train_reference.py}). */
class TrainedMethodsTest {
    private static final String LINEAR = "transformer.h.1.attn.c_attn";

    private static Dataset rows(int count) {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            rows.add(Map.of("row", i));
        }
        return Dataset.of(rows);
    }

    private static int row(Row row) {
        return (int) row.whole("row");
    }

    private static RunInput prompts(List<Row> rows) {
        return Input.rows(rows.stream()
                .map(row -> Arrays.stream(
                                References.training("lora/ids").row(row(row)).toLongs())
                        .boxed()
                        .toList())
                .toList());
    }

    @Test
    void aLoraReachesTheLossThatItReachesInPyTorch() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            Lora lora = Lora.of(model.manifest(), 4, 2.0, 0, LINEAR);
            lora.trainables().get(0).set(References.training("lora/a"));
            lora.trainables().get(1).set(References.training("lora/b"));
            long[] targets = References.training("lora/targets").toLongs();
            Trained trained = model.train(
                            rows(32),
                            (s, rows) -> Metric.crossEntropy(
                                            s,
                                            rows.stream()
                                                    .map(row -> targets[row(row)])
                                                    .toList())
                                    .of(s.run(prompts(rows), lora::apply)))
                    .optimizer(Optimizer.adamW(0.01).withWeightDecay(0.01))
                    .batch(8)
                    .steps(60)
                    .run();
            double[] theirs = References.training("lora/losses").toDoubles();
            for (int i = 0; i < theirs.length; i++) {
                assertThat(trained.losses()[i]).as("step %d", i).isCloseTo(theirs[i], within(0.01 * theirs[i]));
            }
        }
    }

    @Test
    void aLoraOfRankOrScaleZeroChangesNothing() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            RunInput input = prompts(List.of(rows(1).rows().findFirst().orElseThrow()));
            Lora none = Lora.of(model.manifest(), 0, 2.0, 0, LINEAR);
            Lora silent = Lora.of(model.manifest(), 4, 0, 0, LINEAR);
            silent.trainables()
                    .forEach(each -> each.set(
                            Trainable.normal("x", 1, 1, each.tensor().shape()).tensor()));
            Lora loud = Lora.of(model.manifest(), 4, 1, 0, LINEAR);
            for (int i = 0; i < 2; i++) {
                loud.trainables().get(i).set(silent.trainables().get(i).tensor());
            }
            Tensor plain = model.trace(input, t -> t.get("logits").save()).value();
            assertThat(logits(model, none, input)).isEqualTo(plain);
            assertThat(logits(model, silent, input)).isEqualTo(plain);
            assertThat(distance(logits(model, loud, input), plain)).isGreaterThan(0.1);
        }
    }

    private static Tensor logits(OnnxModel model, Lora lora, RunInput input) {
        return model.trace(input, t -> {
                    lora.apply(t);
                    return t.get("logits").save();
                })
                .value();
    }

    private static double distance(Tensor one, Tensor other) {
        double[] a = one.toDoubles();
        double[] b = other.toDoubles();
        double most = 0;
        double size = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
            size = Math.max(size, Math.abs(b[i]));
        }
        return most / size;
    }

    @Test
    void aSteeringVectorMakesTheModelSayAName() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            Trainable vector = Trainable.zeros("steer", 64);
            Dataset rows = Dataset.product(Map.of("name", List.of("Alice", "Bob", "Emma")));
            String prompt = "When {name} and Carol went to the park , Carol gave a book to";
            Trained trained = SteeringTraining.of(model, vector, 1, rows, prompt, "Zoe")
                    .optimizer(Optimizer.adam(0.1))
                    .steps(30)
                    .run();
            assertThat(trained.lastLoss()).isLessThan(0.2).isLessThan(trained.losses()[0] / 10);
            Tensor said = model.trace("When Frank and Grace went to the store , Grace gave a key to", t -> {
                        Steering.add(t, 1, t.trainable(vector), 1);
                        return t.get("logits").at(position(-1)).argmax("vocab").save();
                    })
                    .value();
            assertThat(said.toLongs()).containsExactly(67);
        }
    }

    @Test
    void aLinearProbeSeparatesWhatALineSeparates() {
        try (OnnxModel model = OnnxModel.open(TestModels.training().resolve("equality"))) {
            Tensor points = Trainable.normal("points", 5, 1, 200, 8).tensor();
            long[] labels = new long[200];
            for (int i = 0; i < labels.length; i++) {
                labels[i] = points.at(i, 0) - 2 * points.at(i, 3) + 0.5 > 0 ? 1 : 0;
            }
            LinearProbe probe = LinearProbe.of("probe", 8, 2);
            probe.train(model, points, labels)
                    .optimizer(Optimizer.adam(0.1))
                    .batch(50)
                    .epochs(25)
                    .run();
            long[] found = model.session(
                            s -> probe.logits(s, s.constant(points)).argmax("1").save())
                    .value()
                    .toLongs();
            assertThat(accuracy(found, labels)).isGreaterThan(0.97);
        }
    }

    private static double accuracy(long[] found, long[] labels) {
        double right = 0;
        for (int i = 0; i < labels.length; i++) {
            right += found[i] == labels[i] ? 1 : 0;
        }
        return right / labels.length;
    }
}
