package dev.sonde.methods;

import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;
import java.util.Arrays;

/**
 * Finds which of several things a behaviour needs: each has a number that is trained and says how open its mask is, from 0 to 1. Train
 * it with a loss that is small where the model still does what it did, plus a multiple of {@link #expectedOpen} or of the mask's mean,
 * and read {@link #hard} afterwards.
 *
 * <p>Two ways to train through a decision: {@link #soft} is a sigmoid whose temperature falls from step to step, and {@link #sampled}
 * draws masks that are often 0 or 1 exactly (Louizos, Welling and Kingma, "Learning Sparse Neural Networks through L0
 * Regularization", 2018, section 2.2; for what models know: De Cao et al., "How do Decisions Emerge across Layers in Neural
 * Models?", 2020, and Cao, Sanh and Rush, "Low-Complexity Probing via Finding Subnetworks", 2021).
 */
public final class BinaryMask {
    /** Settings of the hard concrete distribution, as in Louizos et al. 2018, section 4. */
    private static final double SHARPNESS = 2.0 / 3;

    private static final double LOW = -0.1;
    private static final double HIGH = 1.1;
    private static final double LEAST_CHANCE = 1e-6;

    private final Trainable logits;

    private BinaryMask(Trainable logits) {
        this.logits = logits;
    }

    /**
     * Returns a mask.
     *
     * @param start all numbers to begin with: 0 is half open, 2 nearly open
     * @param shape for example {@code [layer, head]}
     */
    public static BinaryMask of(String name, double start, long... shape) {
        Trainable zeros = Trainable.zeros(name, shape);
        float[] numbers = zeros.tensor().toFloats();
        Arrays.fill(numbers, (float) start);
        zeros.set(Tensor.of(numbers, shape));
        return new BinaryMask(zeros);
    }

    /** Returns {@code sigmoid(logits / temperature)}: the lower the temperature, the nearer to 0 and 1. */
    public Value<Any> soft(Session session, double temperature) {
        return session.trainable(logits).over(temperature).sigmoid();
    }

    /** Returns a mask drawn from the hard concrete distribution. A seed that changes with the training's step draws anew. */
    public Value<Any> sampled(Session session, long seed) {
        return sampled(session, session.noise(seed, session.trainable(logits)));
    }

    /** Returns the mask that standard normal noise leads to. */
    Value<Any> sampled(Session session, Value<?> noise) {
        Value<Any> even =
                noise.as(Any.class).over(Math.sqrt(2)).erf().plus(1).over(2).clamp(LEAST_CHANCE, 1 - LEAST_CHANCE);
        Value<Any> logistic = even.log().minus(even.negate().plus(1).log());
        return session.trainable(logits)
                .plus(logistic)
                .over(SHARPNESS)
                .sigmoid()
                .times(HIGH - LOW)
                .plus(LOW)
                .clamp(0, 1);
    }

    /** Returns how likely a {@linkplain #sampled drawn} mask is not 0; its sum is the penalty of Louizos et al. 2018. */
    public Value<Any> expectedOpen(Session session) {
        return session.trainable(logits)
                .minus(SHARPNESS * Math.log(-LOW / HIGH))
                .sigmoid();
    }

    /** Returns 1 where the mask is more open than shut, 0 elsewhere; no gradient passes. */
    public Value<Any> hard(Session session) {
        return session.trainable(logits).stopGradient().greaterThan(0).choose(session.constant(1), session.constant(0));
    }

    /**
     * Leaves at a site what the mask lets through, and puts the rest of something else: {@code mask * v + (1 - mask) * otherwise}.
     *
     * @param mask broadcast to the site from its last axis on, such as {@code [head, 1]} for {@code z}
     * @param otherwise broadcast to the site: 0, a mean, what another run has there
     */
    public static void blend(Trace trace, Site<Any> site, Value<?> mask, Value<?> otherwise) {
        Value<Any> other = otherwise.as(Any.class);
        trace.update(site, v -> v.minus(other).times(mask).plus(other));
    }

    /** Returns the numbers behind the mask. */
    public Trainable logits() {
        return logits;
    }
}
