package dev.sonde.onnx.plan;

/**
 * One write of a run, with the place that it is at.
 *
 * @param run index of the run
 * @param site its canonical name
 * @param place where that is
 * @param version its number among the writes of its point, -1 for what a skipped module returns
 * @param value id of the new value
 */
record Edit(int run, String site, Place place, int version, int value) {
    /** The version of what a skipped module returns: before all writes there. */
    static final int SKIP = -1;
}
