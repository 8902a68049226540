package dev.sonde.methods;

import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;

/**
 * Distributed alignment search that also learns how many directions carry the variable (Wu et al., "Interpretability at Scale:
 * Identifying Causal Mechanisms in Alpaca", 2023, section 3): all directions of a rotation, the first of which are exchanged up to a
 * boundary. It is soft while it is trained, {@code sigmoid((boundary * width - i) / temperature)} for direction i, and the temperature
 * falls from step to step. Add a multiple of {@link #size} to the loss, so that no more are taken than are needed.
 */
public final class BoundlessDas {
    private static final double LEAST = 1e-3;

    private final Site<Any> site;
    private final int width;
    private final Trainable rotation;
    private final Trainable boundary;

    private BoundlessDas(Site<Any> site, int width, Trainable rotation, Trainable boundary) {
        this.site = site;
        this.width = width;
        this.rotation = rotation;
        this.boundary = boundary;
    }

    /**
     * Returns a search at a site that begins with random directions and a boundary in the middle.
     *
     * @param site whose last axis has {@code width} elements
     */
    public static BoundlessDas of(String site, int width, long seed) {
        String name = site.replace('/', '.');
        return new BoundlessDas(
                Site.of(site),
                width,
                Trainable.orthonormal(name + ".rotation", seed, width, width),
                Trainable.of(name + ".boundary", Tensor.of(new float[] {0.5f}, 1)));
    }

    /** Gives a run what a value, shaped like the site, has along the directions within the boundary. */
    public void interchange(Session session, Trace base, Value<?> source, double temperature) {
        float[] numbers = new float[width];
        for (int i = 0; i < width; i++) {
            numbers[i] = i;
        }
        Value<Any> within = size(session)
                .times(width)
                .minus(session.constant(Tensor.of(numbers, width)))
                .over(temperature)
                .sigmoid();
        Value<Any> r = session.trainable(rotation);
        base.update(
                site,
                h -> h.plus(
                        source.as(Any.class).minus(h).matmul(r).times(within).matmul(r.transpose("1", "0"))));
    }

    /** Returns the share of directions within the boundary: {@code [1]}. */
    public Value<Any> size(Session session) {
        return session.trainable(boundary).clamp(LEAST, 1);
    }

    /** Returns the directions: {@code [width, width]}. */
    public Trainable rotation() {
        return rotation;
    }

    /** Returns the share of directions that are exchanged: {@code [1]}. */
    public Trainable boundary() {
        return boundary;
    }
}
