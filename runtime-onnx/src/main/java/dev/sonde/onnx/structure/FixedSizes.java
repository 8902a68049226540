package dev.sonde.onnx.structure;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.LongStream;

/** Whole numbers that a graph computes from shapes, where they are the same in every run. */
final class FixedSizes {
    private static final int STEPS = 16;

    private final Graph graph;
    private final Shapes shapes;

    FixedSizes(Graph graph, Shapes shapes) {
        this.graph = graph;
        this.shapes = shapes;
    }

    /** Returns the numbers of a value with at most one axis; nothing where they may differ from run to run. */
    Optional<long[]> of(String value) {
        return of(value, 0);
    }

    private Optional<long[]> of(String value, int step) {
        int node = graph.producer(value);
        if (graph.isConstant(value)) {
            return graph.file
                    .constant(value)
                    .filter(each -> each.shape().length <= 1)
                    .map(each -> each.toTensor().toLongs());
        }
        if (node == Graph.NONE || step == STEPS) {
            return Optional.empty();
        }
        return switch (graph.op(node)) {
            case "Identity", "Cast", "Squeeze", "Unsqueeze" -> of(graph.input(node, 0), step + 1);
            case "Add", "Sub", "Mul", "Div" -> both(node, step);
            case "Gather" -> size(node);
            default -> Optional.empty();
        };
    }

    private Optional<long[]> both(int node, int step) {
        Optional<long[]> left = of(graph.input(node, 0), step + 1).filter(each -> each.length == 1);
        Optional<long[]> right = of(graph.input(node, 1), step + 1).filter(each -> each.length == 1);
        boolean divides = graph.op(node).equals("Div");
        if (left.isEmpty() || right.isEmpty() || (divides && right.get()[0] == 0)) {
            return Optional.empty();
        }
        long a = left.get()[0];
        long b = right.get()[0];
        return Optional.of(new long[] {
            switch (graph.op(node)) {
                case "Add" -> a + b;
                case "Sub" -> a - b;
                case "Mul" -> a * b;
                default -> a / b;
            }
        });
    }

    /** Sizes picked out of a shape. */
    private Optional<long[]> size(int gather) {
        int shape = graph.producer(graph.input(gather, 0));
        String of = graph.op(shape).equals("Shape") ? graph.input(shape, 0) : "";
        boolean whole = graph.number(shape, "start", 0) == 0 && graph.number(shape, "end", 0) == 0;
        int rank = shapes.rank(of);
        return of(graph.input(gather, 1), STEPS)
                .filter(axes -> whole && Arrays.stream(axes).allMatch(axis -> axis >= -rank && axis < rank))
                .map(axes -> LongStream.of(axes)
                        .map(axis -> shapes.find(of)
                                .map(each -> each.fixed((int) axis))
                                .orElse(-1L))
                        .toArray())
                .filter(sizes -> Arrays.stream(sizes).allMatch(size -> size >= 0));
    }
}
