package dev.sonde.remote.protocol;

import java.util.Objects;

/**
 * The answer to a submitted job.
 *
 * @param id to ask for the job by
 */
public record Submitted(String id) {
    /** Refuses a missing id. */
    public Submitted {
        Objects.requireNonNull(id, "id");
    }
}
