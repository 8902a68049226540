package dev.sonde.onnx.plan;

import java.util.Map;

/**
 * One call of ONNX Runtime.
 *
 * @param run index of the run whose inputs it takes, -1 if it is without the model
 * @param splice its structure
 * @param assembly the nodes that it runs
 * @param feeds its numbers, by input
 * @param values names of the outputs that hold values which are needed later, by id
 */
public record Program(int run, Splice splice, Assembly assembly, Map<String, Feed> feeds, Map<Integer, String> values) {
    /** Copies its maps. */
    public Program {
        feeds = Map.copyOf(feeds);
        values = Map.copyOf(values);
    }
}
