package dev.sonde.onnx.plan;

import dev.sonde.graph.RunInput;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One call of ONNX Runtime.
 *
 * @param runs indices of the runs that are its rows; none if it is without the model
 * @param input what the model is given
 * @param splice its structure
 * @param assembly the nodes that it runs
 * @param feeds its numbers, by input
 * @param values names of the outputs that hold values which are needed later, by id
 * @param locals ids of functions in Java to be called when it has run
 * @param turn what it hands on if it belongs to a generation
 */
public record Program(
        List<Integer> runs,
        Optional<RunInput> input,
        Splice splice,
        Assembly assembly,
        Map<String, Feed> feeds,
        Map<Integer, String> values,
        List<Integer> locals,
        Optional<Turn> turn) {
    /** Copies its parts. */
    public Program {
        runs = List.copyOf(runs);
        feeds = Map.copyOf(feeds);
        values = Map.copyOf(values);
        locals = List.copyOf(locals);
    }

    /** Returns what it computes, for people. */
    public String label() {
        return runs.isEmpty()
                ? "A value of several runs"
                : runs.size() == 1 ? "Run " + runs.get(0) : "Runs " + runs.get(0) + " to " + runs.get(runs.size() - 1);
    }
}
