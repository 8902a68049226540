package dev.sonde.onnx.grad;

import java.util.function.IntPredicate;

/**
 * How gradients pass an operator.
 *
 * @param inputs which inputs they reach
 * @param pass gives the gradients of those of them that are wanted
 */
record Rule(IntPredicate inputs, Pass pass) {
    /** Says what the gradients of a node's inputs are, given those of its outputs. */
    interface Pass {
        void of(Visit visit);
    }

    /** Returns a rule of an operator of which only the first input has a gradient. */
    static Rule first(Pass pass) {
        return new Rule(i -> i == 0, pass);
    }

    /** Returns a rule of an operator of which every input has a gradient. */
    static Rule all(Pass pass) {
        return new Rule(i -> true, pass);
    }

    /** Returns a rule of an operator of which the inputs below {@code count} have a gradient. */
    static Rule below(int count, Pass pass) {
        return new Rule(i -> i < count, pass);
    }

    /** Returns a rule of an operator of one input: the gradient is a function of what comes back. */
    static Rule unary(Unary gradient) {
        return first(v -> v.give(0, gradient.of(v.ops(), v.g(), v.x(), v.y())));
    }

    /** The gradient of the input of an operator of one input. */
    interface Unary {
        String of(Ops o, String g, String x, String y);
    }
}
