package dev.sonde.remote.protocol;

import dev.sonde.spi.Cost;
import java.util.Objects;

/**
 * What a graph would take, by the service's own check.
 *
 * @param cost the estimate
 * @param structureKey equal for graphs that can share sessions
 */
public record Price(Cost cost, String structureKey) {
    /** Refuses missing parts. */
    public Price {
        Objects.requireNonNull(cost, "cost");
        Objects.requireNonNull(structureKey, "structureKey");
    }
}
