package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Attention.Tap;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds every product → softmax → product. */
final class AttentionFinder {
    private static final Set<String> AFTER_SOFTMAX = Set.of("Cast", "Identity", "Dropout", "Where", "Mul");
    private static final Set<String> BEFORE_SOFTMAX =
            Set.of("Add", "Sub", "Mul", "Div", "Where", "Cast", "Tanh", "Reshape", "Identity", "Max", "Clip");
    private static final int STEPS = 12;

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;

    AttentionFinder(Graph graph, Shapes shapes, DataPath data) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
    }

    List<Attention> find() {
        List<Attention> found = new ArrayList<>();
        for (int i = 0; i < graph.size(); i++) {
            if (graph.op(i).equals("Softmax") && shapes.rank(graph.output(i)) == 4) {
                at(i).ifPresent(found::add);
            }
        }
        return found;
    }

    private Optional<Attention> at(int softmax) {
        Optional<Tap> pattern = pattern(graph.output(softmax), STEPS);
        int product = product(graph.input(softmax, 0), STEPS);
        if (pattern.isEmpty() || product == Graph.NONE) {
            return Optional.empty();
        }
        int mix = pattern.get().reader();
        Tap scores = new Tap(graph.input(softmax, 0), softmax);
        Tap q = unscaled(new Tap(graph.input(product, 0), product));
        Tap k = keys(new Tap(graph.input(product, 1), product));
        Tap v = unrepeated(new Tap(graph.input(mix, 1), mix));
        return Optional.of(
                new Attention(softmax, mix, scores, pattern.get(), withHeads(q), withHeads(k), withHeads(v)));
    }

    private Optional<Tap> withHeads(Tap tap) {
        return Optional.of(tap).filter(each -> shapes.rank(each.value()) == 4);
    }

    private Optional<Tap> pattern(String value, int steps) {
        for (int reader : graph.consumers(value)) {
            if (isProduct(reader) && graph.input(reader, 0).equals(value)) {
                return Optional.of(new Tap(value, reader));
            }
        }
        for (int reader : steps == 0 ? List.<Integer>of() : graph.consumers(value)) {
            if (AFTER_SOFTMAX.contains(graph.op(reader))) {
                Optional<Tap> found = pattern(graph.output(reader), steps - 1);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    private boolean isProduct(int node) {
        return graph.op(node).equals("MatMul")
                && !graph.isConstant(graph.input(node, 0))
                && !graph.isConstant(graph.input(node, 1));
    }

    private int product(String value, int steps) {
        int producer = graph.producer(value);
        if (producer == Graph.NONE || steps == 0 || !data.has(value)) {
            return Graph.NONE;
        }
        if (isProduct(producer)) {
            return producer;
        }
        if (BEFORE_SOFTMAX.contains(graph.op(producer))) {
            for (String input : graph.uses(producer)) {
                int found = product(input, steps - 1);
                if (found != Graph.NONE) {
                    return found;
                }
            }
        }
        return Graph.NONE;
    }

    /** Steps back over products with one number: scaling is the attention's own affair. */
    private Tap unscaled(Tap tap) {
        int producer = graph.producer(tap.value());
        if (graph.op(producer).equals("Mul") || graph.op(producer).equals("Div")) {
            for (int side = 0; side < 2; side++) {
                if (isNumber(graph.input(producer, 1 - side)) && data.has(graph.input(producer, side))) {
                    return unscaled(new Tap(graph.input(producer, side), producer));
                }
            }
        }
        return tap;
    }

    private boolean isNumber(String value) {
        return graph.isConstant(value)
                ? graph.file.constant(value).stream()
                        .anyMatch(each -> java.util.Arrays.stream(each.shape()).allMatch(dim -> dim == 1))
                : shapes.find(value).filter(Shape::isScalar).isPresent();
    }

    private Tap keys(Tap product) {
        Tap turned = unscaled(product);
        int producer = graph.producer(turned.value());
        if (graph.op(producer).equals("Transpose")) {
            Tap before = new Tap(graph.input(producer, 0), producer);
            if (graph.ints(producer, "perm").equals(List.of(0L, 2L, 3L, 1L))) {
                return new Tap(before.value(), producer, View.of(new View.Transpose(List.of(0, 2, 1, 3))));
            }
            return unrepeated(unscaled(before));
        }
        int transpose = graph.producer(graph.input(producer, 0));
        int flatten = graph.producer(graph.input(transpose, 0));
        if (graph.op(producer).equals("Reshape")
                && graph.op(transpose).equals("Transpose")
                && graph.op(flatten).equals("Reshape")) {
            return unrepeated(unscaled(new Tap(graph.input(flatten, 0), flatten)));
        }
        return new Tap(turned.value(), turned.reader(), View.of(new View.Transpose(List.of(0, 1, 3, 2))));
    }

    /** Steps back over the copies of kv heads: a new axis, repeated, joined with the heads. */
    private Tap unrepeated(Tap tap) {
        int join = graph.producer(tap.value());
        int repeat = graph.producer(graph.input(join, 0));
        int axis = graph.producer(graph.input(repeat, 0));
        boolean found = graph.op(join).equals("Reshape")
                && (graph.op(repeat).equals("Expand") || graph.op(repeat).equals("Tile"))
                && (graph.op(axis).equals("Unsqueeze") || graph.op(axis).equals("Reshape"));
        return found ? new Tap(graph.input(axis, 0), axis) : tap;
    }
}
