package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.graph.RunInput;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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
 * @param notes what was done to make it small, for people
 */
public record Program(
        List<Integer> runs,
        Optional<RunInput> input,
        Splice splice,
        Assembly assembly,
        Map<String, Feed> feeds,
        Map<Integer, String> values,
        List<Integer> locals,
        Optional<Turn> turn,
        List<String> notes) {
    /** What the names of outputs begin with that are values of the file. */
    public static final String VALUE = "sonde:value:";

    /** Returns a program that only computes values of the file. */
    public static Program ofValues(ModelGraph graph, RunInput input, Collection<String> values) {
        Splice splice = new Splice(
                true,
                graph.opset(),
                values.stream().map(Program::copy).toList(),
                List.of(),
                List.of(),
                Map.of(),
                values.stream().map(VALUE::concat).toList(),
                Set.of(),
                Set.of());
        return new Program(
                List.of(),
                Optional.of(input),
                splice,
                Assembly.of(graph, splice),
                Map.of(),
                Map.of(),
                List.of(),
                Optional.empty(),
                List.of());
    }

    private static NodeProto copy(String value) {
        return NodeProto.newBuilder()
                .setOpType("Identity")
                .setName(VALUE + value)
                .addInput(value)
                .addOutput(VALUE + value)
                .build();
    }

    /** Copies its parts. */
    public Program {
        runs = List.copyOf(runs);
        feeds = Map.copyOf(feeds);
        values = Map.copyOf(values);
        locals = List.copyOf(locals);
        notes = List.copyOf(notes);
    }

    /** Returns what it computes, for people. */
    public String label() {
        return runs.isEmpty()
                ? "A value of several runs"
                : runs.size() == 1 ? "Run " + runs.get(0) : "Runs " + runs.get(0) + " to " + runs.get(runs.size() - 1);
    }
}
