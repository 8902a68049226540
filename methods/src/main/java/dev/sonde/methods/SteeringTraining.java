package dev.sonde.methods;

import dev.sonde.Model;
import dev.sonde.data.Dataset;
import dev.sonde.training.Trainable;
import dev.sonde.training.Training;

/**
 * Finds the vector that makes a model go on as wanted when it is added to the residual stream (Subramani, Suresh and Peters,
 * "Extracting Latent Steering Vectors from Pretrained Language Models", 2022, section 2).
 */
public final class SteeringTraining {
    private SteeringTraining() {}

    /**
     * Returns a training of a vector that is added after a layer at all positions; its loss is the cross-entropy of the wanted next
     * token, in nats. Afterwards {@code Steering.add(t, layer, t.trainable(vector), 1)} steers.
     *
     * @param vector {@code [d_model]}
     * @param prompt template of the rows' prompts, such as <code>{text}</code>
     * @param next template of the text that shall follow, which must be one token
     */
    public static Training of(Model model, Trainable vector, int layer, Dataset dataset, String prompt, String next) {
        return model.train(dataset, (s, rows) -> {
            Metric loss = Metric.crossEntropy(
                    s, rows.stream().map(row -> (long) s.token(row.fill(next))).toList());
            return loss.of(s.run(
                    rows.stream().map(row -> row.fill(prompt)).toList(),
                    t -> Steering.add(t, layer, t.trainable(vector), 1)));
        });
    }
}
