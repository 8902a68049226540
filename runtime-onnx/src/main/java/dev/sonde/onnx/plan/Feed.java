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
     * A value that an earlier program computes.
     *
     * @param node its id in the intervention graph
     */
    record Foreign(int node) implements Feed {}
}
