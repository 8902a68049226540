package dev.sonde.methods;

import dev.sonde.Model;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;
import dev.sonde.training.Training;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A linear classifier of activations: what can be read off them by one matrix (Alain and Bengio, "Understanding intermediate layers
 * using linear classifier probes", 2016).
 */
public final class LinearProbe {
    private final Trainable weights;
    private final Trainable bias;

    private LinearProbe(Trainable weights, Trainable bias) {
        this.weights = weights;
        this.bias = bias;
    }

    /** Returns an untrained probe, all zeros. */
    public static LinearProbe of(String name, int features, int classes) {
        return new LinearProbe(
                Trainable.zeros(name + ".weight", features, classes), Trainable.zeros(name + ".bias", classes));
    }

    /** Returns the logits of each class: axis {@code features} of {@code x}, its last, becomes one of classes without a name. */
    public Value<Any> logits(Session session, Value<?> x) {
        return x.as(Any.class).matmul(session.trainable(weights)).plus(session.trainable(bias));
    }

    /**
     * Returns a training on activations that are there already, such as {@link Model#cache} keeps them; the model does not run.
     *
     * @param features float32, {@code [row, features]}
     * @param labels classes, one for each row
     */
    public Training train(Model model, Tensor features, long... labels) {
        if (features.rank() != 2 || features.size(0) != labels.length) {
            throw new IllegalArgumentException(
                    "Expected [" + labels.length + " rows, features] but was " + features.describe());
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < labels.length; i++) {
            rows.add(Map.of("row", i));
        }
        return model.train(Dataset.of(rows), (s, batch) -> {
            long[] wanted = batch.stream()
                    .mapToLong(row -> labels[(int) row.whole("row")])
                    .toArray();
            return logits(s, s.constant(rows(features, batch)))
                    .crossEntropy(s.constant(Tensor.of(wanted, wanted.length)), "1")
                    .mean();
        });
    }

    private static Tensor rows(Tensor features, List<Row> batch) {
        int width = (int) features.size(1);
        float[] some = new float[batch.size() * width];
        for (int i = 0; i < batch.size(); i++) {
            float[] row = features.row((int) batch.get(i).whole("row")).toFloats();
            System.arraycopy(row, 0, some, i * width, width);
        }
        return Tensor.of(some, batch.size(), width);
    }

    /** Returns weights {@code [features, class]} and bias {@code [class]}. */
    public List<Trainable> trainables() {
        return List.of(weights, bias);
    }
}
