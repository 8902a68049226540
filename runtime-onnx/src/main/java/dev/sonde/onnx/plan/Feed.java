package dev.sonde.onnx.plan;

import dev.sonde.Tensor;

/** What one input of a program is given. */
public sealed interface Feed {
    /**
     * A tensor known before anything runs.
     *
     * @param tensor the tensor
     */
    record Given(Tensor tensor) implements Feed {}

    /**
     * A tensor that the user gave: of the graph that runs, which may be another than the one that was planned.
     *
     * @param node its id in the intervention graph
     */
    record Constant(int node) implements Feed {}

    /**
     * A value that an earlier program computes.
     *
     * @param node its id in the intervention graph
     */
    record Foreign(int node) implements Feed {}

    /**
     * What the step before carried.
     *
     * @param name of the value
     * @param initial id of the value that it is until something was carried
     */
    record Carried(String name, int initial) implements Feed {}

    /**
     * Edited values up to the step before, when all is computed anew.
     *
     * @param number of the buffer
     */
    record Buffer(int number) implements Feed {}

    /**
     * Where a step is, when all is computed anew.
     *
     * @param what of it
     * @param rank number of axes
     * @param axis the one along which positions are
     */
    record Where(What what, int rank, int axis) implements Feed {
        /** What is said of a step's place. */
        public enum What {
            /** Index of the newest position: int64 {@code [1]}, or {@code [batch, 1, 2]}, with the row in front, if rows differ in length. */
            INDEX,
            /** Whether it is the newest position. */
            NEWEST,
            /** Whether it is a position before the newest. */
            EARLIER,
            /** Whether it is not the last column, which the step before did not have. */
            OLD_COLUMN
        }
    }
}
