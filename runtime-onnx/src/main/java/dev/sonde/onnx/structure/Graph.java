package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.file.Uses;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The nodes of a skeleton by number, with who makes and who reads each value. */
final class Graph {
    static final int NONE = -1;

    final OnnxFile file;
    final List<NodeProto> nodes;
    private final List<Set<String>> uses = new ArrayList<>();
    private final Map<String, Integer> producers = new HashMap<>();
    private final Map<String, List<Integer>> consumers = new HashMap<>();
    private final Set<String> outputs = new LinkedHashSet<>();
    private final Set<String> inputs = new LinkedHashSet<>();

    Graph(OnnxFile file) {
        this.file = file;
        this.nodes = file.skeleton().getGraph().getNodeList();
        for (ValueInfoProto output : file.skeleton().getGraph().getOutputList()) {
            outputs.add(output.getName());
        }
        for (ValueInfoProto input : file.skeleton().getGraph().getInputList()) {
            if (!file.isConstant(input.getName())) {
                inputs.add(input.getName());
            }
        }
        for (int i = 0; i < nodes.size(); i++) {
            index(i);
        }
    }

    private void index(int node) {
        Set<String> read = Uses.of(nodes.get(node));
        uses.add(read);
        for (String value : read) {
            consumers.computeIfAbsent(value, unused -> new ArrayList<>()).add(node);
        }
        for (String value : nodes.get(node).getOutputList()) {
            producers.put(value, node);
        }
    }

    int size() {
        return nodes.size();
    }

    String op(int node) {
        return node == NONE ? "" : nodes.get(node).getOpType();
    }

    Set<String> uses(int node) {
        return uses.get(node);
    }

    /** Returns the node that makes the value, or {@link #NONE} for inputs and constants. */
    int producer(String value) {
        return producers.getOrDefault(value, NONE);
    }

    List<Integer> consumers(String value) {
        return consumers.getOrDefault(value, List.of());
    }

    boolean isOutput(String value) {
        return outputs.contains(value);
    }

    Set<String> outputs() {
        return outputs;
    }

    Set<String> inputs() {
        return inputs;
    }

    boolean isConstant(String value) {
        return file.isConstant(value);
    }

    /** Returns the node that rounds what a value is made of to whole numbers that are made floats again, or {@link #NONE}. */
    int rounding(String value) {
        int back = producer(value);
        int to = op(back).equals("DequantizeLinear") ? producer(input(back, 0)) : NONE;
        return op(to).equals("QuantizeLinear") ? to : NONE;
    }

    /** Returns the constant that a matrix lies in, as it is or quantised; {@code ""} for what is computed. */
    String stored(String matrix) {
        int producer = producer(matrix);
        String within = op(producer).equals("DequantizeLinear") ? input(producer, 0) : matrix;
        return isConstant(within) ? within : "";
    }

    /** Returns the node's input at that place, or {@code ""}. */
    String input(int node, int place) {
        return node != NONE && place < nodes.get(node).getInputCount()
                ? nodes.get(node).getInput(place)
                : "";
    }

    String output(int node) {
        return nodes.get(node).getOutput(0);
    }

    List<Long> ints(int node, String attribute) {
        @Nullable AttributeProto found = attribute(node, attribute);
        return found == null ? List.of() : found.getIntsList();
    }

    /** Returns a whole number that the node was given, or {@code otherwise}. */
    long number(int node, String attribute, long otherwise) {
        @Nullable AttributeProto found = attribute(node, attribute);
        return found == null ? otherwise : found.getI();
    }

    private @Nullable AttributeProto attribute(int node, String name) {
        return nodes.get(node).getAttributeList().stream()
                .filter(each -> each.getName().equals(name))
                .findFirst()
                .orElse(null);
    }
}
