package dev.sonde.onnx.structure;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;

/** Finds the sums that make the residual stream. */
final class Sums {
    /**
     * A value and the node that adds it to another.
     *
     * @param value what is added
     * @param sum number of the node
     */
    record Addend(String value, int sum) {}

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;

    Sums(Graph graph, Shapes shapes, DataPath data) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
    }

    /** Returns the first sum behind a node that adds what depends on the node to what does not. */
    Optional<Addend> behind(int node) {
        BitSet behind = new BitSet();
        behind.set(node);
        for (int i = node + 1; i < graph.size(); i++) {
            if (graph.uses(i).stream().anyMatch(value -> isMade(value, behind))) {
                behind.set(i);
                boolean first = isMade(graph.input(i, 0), behind);
                if (isSum(i) && first != isMade(graph.input(i, 1), behind)) {
                    return Optional.of(new Addend(graph.input(i, first ? 0 : 1), i));
                }
            }
        }
        return Optional.empty();
    }

    private boolean isMade(String value, BitSet nodes) {
        int producer = graph.producer(value);
        return producer != Graph.NONE && nodes.get(producer);
    }

    /** Returns whether a node adds two values of the stream's form. */
    boolean isSum(int node) {
        if (!graph.op(node).equals("Add")) {
            return false;
        }
        Optional<Shape> sum = shapes.find(graph.output(node));
        return sum.filter(shape -> shape.rank() == 2 || shape.rank() == 3).isPresent()
                && List.of(0, 1).stream()
                        .map(side -> graph.input(node, side))
                        .allMatch(value -> data.has(value)
                                && !graph.isConstant(value)
                                && shapes.find(value)
                                        .filter(shape ->
                                                shape.dims().equals(sum.get().dims()))
                                        .isPresent());
    }

    /** Returns the other side of a sum. */
    Addend other(Addend addend) {
        boolean first = graph.input(addend.sum(), 0).equals(addend.value());
        return new Addend(graph.input(addend.sum(), first ? 1 : 0), addend.sum());
    }

    /** Returns, of the two sides of a sum, the one that the other was computed from. */
    Optional<Addend> stream(int sum) {
        String a = graph.input(sum, 0);
        String b = graph.input(sum, 1);
        if (dependsOn(b, a)) {
            return Optional.of(new Addend(a, sum));
        }
        return dependsOn(a, b) ? Optional.of(new Addend(b, sum)) : Optional.empty();
    }

    /** Returns whether a value was computed from another. */
    boolean dependsOn(String value, String source) {
        int from = graph.producer(source);
        int to = graph.producer(value);
        if (to == Graph.NONE) {
            return false;
        }
        if (from == Graph.NONE) {
            return graph.consumers(source).stream()
                    .filter(reader -> reader <= to)
                    .anyMatch(reader -> Reach.upstream(graph, to, reader).get(reader));
        }
        return from < to && Reach.upstream(graph, to, from).get(from);
    }
}
