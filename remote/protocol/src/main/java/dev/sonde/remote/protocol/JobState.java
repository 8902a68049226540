package dev.sonde.remote.protocol;

/** Where a job is in its life. */
public enum JobState {
    /** Waits for its turn. */
    QUEUED,
    /** Is being run. */
    RUNNING,
    /** Has a result. */
    COMPLETED,
    /** Failed; the status says why. */
    ERROR,
    /** Was ended by its owner. */
    CANCELLED;

    /** Returns whether the state will never change again. */
    public boolean isFinal() {
        return this == COMPLETED || this == ERROR || this == CANCELLED;
    }
}
