package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;

/**
 * Distributed alignment search: directions of an activation that carry one variable of a causal model (Geiger et al., "Finding
 * Alignments Between Interpretable Causal Variables and Distributed Neural Representations", 2023, section 3).
 *
 * <p>An interchange gives a base run what the source run has along the directions: {@code h + (h_source - h) R R^T}, where the
 * columns of R are orthonormal and stay so. Train R so that the base run then says what the causal model says, with
 * {@link dev.sonde.Model#train}; how often it does is the interchange accuracy.
 */
public final class Das {
    private final Site<Any> site;
    private final Trainable rotation;

    private Das(Site<Any> site, Trainable rotation) {
        this.site = site;
        this.rotation = rotation;
    }

    /**
     * Returns a search at a site that begins with random directions.
     *
     * @param site whose last axis has {@code width} elements
     * @param directions how many carry the variable
     */
    public static Das of(String site, int width, int directions, long seed) {
        return new Das(
                Site.of(site), Trainable.orthonormal(site.replace('/', '.') + ".rotation", seed, width, directions));
    }

    /** Gives a run what the source has along the directions. */
    public void interchange(Trace base, Run source) {
        interchange(base, source.get(site));
    }

    /** Gives a run what a value, shaped like the site, has along the directions. */
    public void interchange(Trace base, Value<?> source) {
        Value<Any> r = base.trainable(rotation);
        base.update(site, h -> h.plus(source.as(Any.class).minus(h).matmul(r).matmul(r.transpose("1", "0"))));
    }

    /** Returns a base run with an interchange from a source run. */
    public Run run(Session session, dev.sonde.graph.RunInput base, dev.sonde.graph.RunInput source) {
        Run from = session.run(source);
        return session.run(base, t -> interchange(t, from));
    }

    /** Returns the directions: {@code [width, directions]}. */
    public Trainable rotation() {
        return rotation;
    }
}
