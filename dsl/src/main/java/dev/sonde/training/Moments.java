package dev.sonde.training;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/** What an optimiser remembers of one trainable, and its step. */
final class Moments {
    private final Optimizer optimizer;
    private final Trainable trainable;
    private float[] first;
    private float[] second;
    private long steps;

    Moments(Optimizer optimizer, Trainable trainable) {
        this.optimizer = optimizer;
        this.trainable = trainable;
        int count = trainable.tensor().count();
        boolean remembers = optimizer instanceof Optimizer.Adam || ((Optimizer.Sgd) optimizer).momentum() != 0;
        this.first = new float[remembers ? count : 0];
        this.second = new float[optimizer instanceof Optimizer.Adam ? count : 0];
    }

    /** Moves the trainable; changes the gradient. */
    void step(float[] gradient, double learningRate) {
        float[] numbers = trainable.tensor().toFloats();
        trainable.project(gradient);
        steps++;
        if (optimizer instanceof Optimizer.Adam adam) {
            adam(adam, numbers, gradient, learningRate);
        } else {
            sgd((Optimizer.Sgd) optimizer, numbers, gradient, learningRate);
        }
        trainable.step(numbers);
    }

    private void sgd(Optimizer.Sgd sgd, float[] numbers, float[] gradient, double learningRate) {
        float decay = (float) sgd.weightDecay();
        float momentum = (float) sgd.momentum();
        float undamped = (float) (1 - sgd.dampening());
        float rate = (float) learningRate;
        for (int i = 0; i < numbers.length; i++) {
            float g = gradient[i] + decay * numbers[i];
            if (first.length > 0) {
                first[i] = steps == 1 ? g : momentum * first[i] + undamped * g;
                g = sgd.nesterov() ? g + momentum * first[i] : first[i];
            }
            numbers[i] -= rate * g;
        }
    }

    private void adam(Optimizer.Adam adam, float[] numbers, float[] gradient, double learningRate) {
        float shrink = adam.decoupled() ? (float) (1 - learningRate * adam.weightDecay()) : 1;
        float decay = adam.decoupled() ? 0 : (float) adam.weightDecay();
        float fresh1 = (float) (1 - adam.beta1());
        float beta2 = (float) adam.beta2();
        float fresh2 = (float) (1 - adam.beta2());
        float size = (float) (learningRate / (1 - Math.pow(adam.beta1(), (double) steps)));
        float root = (float) Math.sqrt(1 - Math.pow(adam.beta2(), (double) steps));
        float epsilon = (float) adam.epsilon();
        for (int i = 0; i < numbers.length; i++) {
            float g = gradient[i] + decay * numbers[i];
            first[i] += fresh1 * (g - first[i]);
            second[i] = beta2 * second[i] + fresh2 * g * g;
            float divisor = (float) Math.sqrt(second[i]) / root + epsilon;
            numbers[i] = numbers[i] * shrink - size * (first[i] / divisor);
        }
    }

    /** Returns what a checkpoint keeps, by name. */
    Map<String, Tensor> tensors() {
        Map<String, Tensor> kept = new LinkedHashMap<>();
        kept.put("steps", Tensor.of(new long[] {steps}));
        if (first.length > 0) {
            kept.put("first", Tensor.of(first, trainable.tensor().shape()));
        }
        if (second.length > 0) {
            kept.put("second", Tensor.of(second, trainable.tensor().shape()));
        }
        return kept;
    }

    /** Takes what {@link #tensors()} gave. */
    void restore(Map<String, Tensor> kept) {
        steps = tensor(kept, "steps", 1).toLongs()[0];
        first = first.length > 0 ? tensor(kept, "first", first.length).toFloats() : first;
        second = second.length > 0 ? tensor(kept, "second", second.length).toFloats() : second;
    }

    private Tensor tensor(Map<String, Tensor> kept, String name, int count) {
        Tensor tensor = kept.get(name);
        if (tensor == null || tensor.count() != count) {
            throw new SondeException(
                    "other-checkpoint",
                    "The checkpoint has no '" + name + "' of " + count + " numbers for trainable '" + trainable.name()
                            + "'");
        }
        return tensor;
    }
}
