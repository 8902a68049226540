package dev.sonde.onnx.structure;

import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Tells values on the model's data path from masks, positions, sizes and other plumbing. */
final class DataPath {
    private static final Set<String> SIZES_ONLY = Set.of("Shape", "Size");
    private static final Set<String> VIEWS =
            Set.of("Identity", "Cast", "Dropout", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Flatten");

    private final Graph graph;
    private final Shapes shapes;
    private final Set<String> values;
    private final BitSet nodes = new BitSet();

    DataPath(Graph graph, Shapes shapes, List<String> seeds) {
        this.graph = graph;
        this.shapes = shapes;
        this.values = new HashSet<>(seeds);
        for (int i = 0; i < graph.size(); i++) {
            if (!readsSizesOnly(i) && graph.uses(i).stream().anyMatch(values::contains)) {
                nodes.set(i);
                values.addAll(graph.nodes.get(i).getOutputList());
            }
        }
    }

    /** Returns whether the value depends on the tokens (or what the user gives instead) other than by its sizes. */
    boolean has(String value) {
        return values.contains(value);
    }

    /** Returns whether the node computes floats from the model's data. */
    boolean computes(int node) {
        return nodes.get(node) && graph.nodes.get(node).getOutputList().stream().anyMatch(shapes::isFloat);
    }

    boolean readsSizesOnly(int node) {
        return SIZES_ONLY.contains(graph.op(node));
    }

    /** Returns whether the node only moves its input's elements. */
    boolean isView(int node) {
        return VIEWS.contains(graph.op(node));
    }

    /** Returns whether the value is read for more than its sizes. */
    boolean isRead(String value) {
        return graph.isOutput(value) || graph.consumers(value).stream().anyMatch(each -> !readsSizesOnly(each));
    }
}
