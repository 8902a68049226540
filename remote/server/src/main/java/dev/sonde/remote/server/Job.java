package dev.sonde.remote.server;

import dev.sonde.remote.protocol.JobState;
import java.util.concurrent.CompletableFuture;

/** A job while the server lives. Its fields are guarded by the {@link Jobs} that it belongs to. */
final class Job {
    private final CompletableFuture<Void> finished = new CompletableFuture<>();
    private JobRecord record;
    private long done;
    private long total;
    private volatile boolean cancelRequested;

    Job(JobRecord record) {
        this.record = record;
        if (record.state().isFinal()) {
            finished.complete(null);
        }
    }

    /** Completes when the state has become final. */
    CompletableFuture<Void> finished() {
        return finished;
    }

    JobRecord record() {
        return record;
    }

    void record(JobRecord newRecord) {
        record = newRecord;
        if (newRecord.state() == JobState.QUEUED) {
            done = 0;
            total = 0;
        }
    }

    long done() {
        return done;
    }

    long total() {
        return total;
    }

    void progress(long newDone, long newTotal) {
        done = newDone;
        total = newTotal;
    }

    boolean cancelRequested() {
        return cancelRequested;
    }

    void requestCancel() {
        cancelRequested = true;
    }
}
