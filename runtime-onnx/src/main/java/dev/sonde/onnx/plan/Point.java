package dev.sonde.onnx.plan;

/** Where on a value's wire a site lies; it decides who sees what is written there. */
public sealed interface Point {
    /** The value itself, before any module's output: all see it. */
    record Produced() implements Point {}

    /**
     * A module's output: all outside the module see it.
     *
     * @param module its path
     * @param call which of its calls, from 0
     */
    record Output(String module, int call) implements Point {}

    /**
     * What a module receives: only the module sees it.
     *
     * @param module its path
     * @param call which of its calls, from 0
     */
    record Input(String module, int call) implements Point {}
}
