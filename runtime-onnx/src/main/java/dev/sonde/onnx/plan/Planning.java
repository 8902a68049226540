package dev.sonde.onnx.plan;

/**
 * How far an experiment is rearranged before it runs.
 *
 * @param merge whether runs become rows of one batch
 * @param reuse whether runs start from values of other runs
 * @param memoryBudget bytes that the values inside one call of ONNX Runtime may take, by estimate
 */
public record Planning(boolean merge, Reuse reuse, long memoryBudget) {
    /** Whether runs start where they leave a run over the same tokens. */
    public enum Reuse {
        /** Never. */
        OFF,
        /** Where an estimate says that it takes less time. */
        ESTIMATED,
        /** Wherever it is possible. */
        ALWAYS
    }

    /** One call of ONNX Runtime for each run, as the experiment says it. */
    public static final Planning OFF = new Planning(false, Reuse.OFF, Long.MAX_VALUE);
}
