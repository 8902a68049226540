package dev.sonde.onnx.plan;

/**
 * How far an experiment is rearranged before it runs.
 *
 * @param merge whether runs become rows of one batch
 * @param memoryBudget bytes that the values inside one call of ONNX Runtime may take, by estimate
 */
public record Planning(boolean merge, long memoryBudget) {
    /** One call of ONNX Runtime for each run, as the experiment says it. */
    public static final Planning OFF = new Planning(false, Long.MAX_VALUE);
}
