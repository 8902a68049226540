package dev.sonde.remote.protocol;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a service says of a job.
 *
 * @param id chosen by the service
 * @param model name of the model
 * @param state where it is
 * @param position how many jobs of the same model run before it; 0 once it runs
 * @param done forward passes done
 * @param total forward passes in all, 0 while that is not known
 * @param attempts how often it was started
 * @param error why it failed, in state {@link JobState#ERROR} only
 */
public record JobStatus(
        String id,
        String model,
        JobState state,
        int position,
        long done,
        long total,
        int attempts,
        @Nullable Problem error) {
    /** Refuses missing parts. */
    public JobStatus {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(state, "state");
    }
}
