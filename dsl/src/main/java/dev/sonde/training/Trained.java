package dev.sonde.training;

import dev.sonde.Tensor;
import java.util.List;
import java.util.Map;

/**
 * What a training did.
 *
 * @param steps all steps, those of a resumed training's earlier part too: the loss curve
 * @param tensors the trainables' numbers at the end, by name
 */
public record Trained(List<TrainingStep> steps, Map<String, Tensor> tensors) {
    /** Copies its collections. */
    public Trained {
        steps = List.copyOf(steps);
        tensors = Map.copyOf(tensors);
    }

    /** Returns the losses, one for each step: {@code [step]}, float64. */
    public double[] losses() {
        return steps.stream().mapToDouble(TrainingStep::loss).toArray();
    }

    /** Returns the loss of the last step, {@code NaN} if there was none. */
    public double lastLoss() {
        return steps.isEmpty() ? Double.NaN : steps.get(steps.size() - 1).loss();
    }
}
