package dev.sonde.training;

/** How numbers follow their gradients: PyTorch's formulas, in their order and in float32. Immutable. */
public sealed interface Optimizer {
    /** Returns how far a step goes. */
    double learningRate();

    /** Returns this optimiser with another weight decay. */
    Optimizer withWeightDecay(double decay);

    /** Returns gradient descent without momentum. */
    static Sgd sgd(double learningRate) {
        return new Sgd(learningRate, 0, 0, false, 0);
    }

    /** Returns Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014) with PyTorch's settings. */
    static Adam adam(double learningRate) {
        return new Adam(learningRate, 0.9, 0.999, 1e-8, 0, false);
    }

    /**
     * Returns Adam whose weight decay is apart from the gradient (Loshchilov and Hutter, "Decoupled Weight Decay
     * Regularization", 2017) with PyTorch's settings; weights decay by 0.01.
     */
    static Adam adamW(double learningRate) {
        return new Adam(learningRate, 0.9, 0.999, 1e-8, 0.01, true);
    }

    /**
     * Gradient descent, as {@code torch.optim.SGD} does it.
     *
     * @param learningRate how far a step goes
     * @param momentum share of the last step's direction that is kept
     * @param dampening share of the gradient that momentum leaves out
     * @param nesterov whether the momentum looks ahead
     * @param weightDecay share of the numbers that is added to their gradient
     */
    record Sgd(double learningRate, double momentum, double dampening, boolean nesterov, double weightDecay)
            implements Optimizer {
        /** Returns this with momentum. */
        public Sgd withMomentum(double share) {
            return new Sgd(learningRate, share, dampening, nesterov, weightDecay);
        }

        @Override
        public Sgd withWeightDecay(double decay) {
            return new Sgd(learningRate, momentum, dampening, nesterov, decay);
        }
    }

    /**
     * Adam, as {@code torch.optim.Adam} and {@code torch.optim.AdamW} do it.
     *
     * @param learningRate how far a step goes
     * @param beta1 share of the old mean of gradients that is kept
     * @param beta2 share of the old mean of squared gradients that is kept
     * @param epsilon keeps the divisor from zero
     * @param weightDecay how numbers decay
     * @param decoupled whether numbers themselves shrink, by {@code learningRate * weightDecay}; else their multiple is added to
     *     the gradient
     */
    record Adam(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, boolean decoupled)
            implements Optimizer {
        /** Returns this with other shares of what is kept. */
        public Adam withBetas(double first, double second) {
            return new Adam(learningRate, first, second, epsilon, weightDecay, decoupled);
        }

        /** Returns this with another epsilon. */
        public Adam withEpsilon(double least) {
            return new Adam(learningRate, beta1, beta2, least, weightDecay, decoupled);
        }

        @Override
        public Adam withWeightDecay(double decay) {
            return new Adam(learningRate, beta1, beta2, epsilon, decay, decoupled);
        }
    }
}
