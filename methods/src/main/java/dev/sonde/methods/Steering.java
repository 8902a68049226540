package dev.sonde.methods;

import static dev.sonde.Selector.position;

import dev.sonde.Session;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;

/**
 * Pushes a model along the difference between two sorts of prompts (Turner et al., "Activation Addition", 2023; Rimsky et al.,
 * "Steering Llama 2 via Contrastive Activation Addition", 2023, section 3).
 */
public final class Steering {
    private Steering() {}

    /**
     * Returns the mean residual stream after a layer at the last position of the positive prompts minus that of the negative
     * ones: {@code [d_model]}, float32.
     */
    public static Value<Any> vector(Session session, int layer, RunInput positive, RunInput negative) {
        return mean(session, layer, positive).minus(mean(session, layer, negative));
    }

    private static Value<Any> mean(Session session, int layer, RunInput prompts) {
        return session.run(prompts)
                .get(StandardSites.of(layer, "resid_post"))
                .at(position(-1))
                .mean("batch");
    }

    /** Adds a multiple of a vector to the residual stream after a layer, at all positions. */
    public static void add(Trace trace, int layer, Value<?> vector, double coefficient) {
        trace.update(StandardSites.of(layer, "resid_post"), v -> v.plus(vector.times(coefficient)));
    }
}
