package dev.sonde.remote.server;

import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.Problem;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the journal keeps of a job.
 *
 * @param sequence rises with each job, so that a restart keeps the order
 * @param id random
 * @param model name
 * @param owner name of the key's holder
 * @param idempotencyKey given by the client, if any
 * @param graphSha256 of the graph's bytes
 * @param state where it is
 * @param attempts how often it was started
 * @param error why it failed
 */
record JobRecord(
        long sequence,
        String id,
        String model,
        String owner,
        @Nullable String idempotencyKey,
        String graphSha256,
        JobState state,
        int attempts,
        @Nullable Problem error) {
    JobRecord {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(owner, "owner");
        Objects.requireNonNull(graphSha256, "graphSha256");
        Objects.requireNonNull(state, "state");
    }

    JobRecord with(JobState newState, int newAttempts, @Nullable Problem newError) {
        return new JobRecord(sequence, id, model, owner, idempotencyKey, graphSha256, newState, newAttempts, newError);
    }
}
