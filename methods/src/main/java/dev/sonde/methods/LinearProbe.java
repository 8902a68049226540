package dev.sonde.methods;

import static dev.sonde.Selector.position;

import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;
import dev.sonde.training.Training;
import java.util.List;

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
        return model.train(Rows.dataset(features), (s, batch) -> {
            long[] wanted =
                    batch.stream().mapToLong(row -> labels[Rows.number(row)]).toArray();
            return loss(s, s.constant(Rows.of(features, batch)), wanted);
        });
    }

    /**
     * Returns a training on what a model has at a site for the last token of each row's prompt.
     *
     * @param site such as {@code layers.3#resid_post}, {@code [batch, position, features]}
     * @param prompt template of the rows' prompts, such as <code>{text}</code>
     * @param label the field of the rows' classes, whole numbers from 0 on
     */
    public Training train(Model model, String site, Dataset dataset, String prompt, String label) {
        return model.train(dataset, (s, rows) -> {
            Run run = s.run(rows.stream().map(row -> row.fill(prompt)).toList());
            long[] wanted = rows.stream().mapToLong(row -> row.whole(label)).toArray();
            return loss(s, run.get(site).at(position(-1)), wanted);
        });
    }

    /**
     * Returns the cross-entropy of rows, in nats, averaged.
     *
     * @param x {@code [row, features]}
     * @param labels classes, one for each row
     */
    public Value<Any> loss(Session session, Value<?> x, long... labels) {
        return logits(session, x)
                .crossEntropy(session.constant(Tensor.of(labels, labels.length)), "-1")
                .mean();
    }

    /** Returns weights {@code [features, class]} and bias {@code [class]}. */
    public List<Trainable> trainables() {
        return List.of(weights, bias);
    }
}
