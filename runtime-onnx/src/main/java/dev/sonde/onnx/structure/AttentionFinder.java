package dev.sonde.onnx.structure;

import dev.sonde.manifest.Size;
import dev.sonde.onnx.structure.Attention.Tap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds every product → softmax → product. */
final class AttentionFinder {
    private static final Set<String> AFTER_SOFTMAX = Set.of(
            "Cast", "Identity", "Dropout", "Where", "Mul", "Reshape", "Slice", "QuantizeLinear", "DequantizeLinear");
    private static final Set<String> BEFORE_SOFTMAX = Set.of(
            "Add",
            "Sub",
            "Mul",
            "Div",
            "Where",
            "Cast",
            "Tanh",
            "Reshape",
            "Identity",
            "Max",
            "Clip",
            "Concat",
            "QuantizeLinear",
            "DequantizeLinear");
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
            if (graph.op(i).equals("Softmax") && isOverLastAxis(i)) {
                at(i).ifPresent(found::add);
            }
        }
        return found;
    }

    private boolean isOverLastAxis(int softmax) {
        int rank = shapes.rank(graph.output(softmax));
        long axis = graph.number(softmax, "axis", -1);
        return rank >= 3 && rank <= 4 && (axis == -1 || axis == rank - 1);
    }

    private Optional<Attention> at(int softmax) {
        Tap scores = new Tap(graph.input(softmax, 0), softmax);
        int product = product(scores.value(), STEPS);
        Optional<Mixed> mixed = pattern(new Tap(graph.output(softmax), softmax), STEPS);
        if (mixed.isEmpty() || product == Graph.NONE) {
            return Optional.empty();
        }
        Optional<Tap> all = fourAxes(scores);
        Optional<Tap> pattern = fourAxes(mixed.get().pattern());
        if (all.isEmpty() || pattern.isEmpty()) {
            return Optional.empty();
        }
        int mix = mixed.get().product();
        Tap q = unscaled(new Tap(graph.input(product, 0), product));
        Tap k = keys(new Tap(graph.input(product, 1), product));
        Tap v = unrepeated(new Tap(graph.input(mix, 1), mix));
        List<Size> sizes = sizes(all.get());
        Optional<Tap> queries =
                fourAxes(q).filter(tap -> sizes(tap).subList(0, 3).equals(sizes.subList(0, 3)));
        Optional<Tap> keys = fourAxes(k)
                .filter(tap -> fit(tap, sizes, sizes(pattern.get()))
                        && queries.filter(each ->
                                        sizes(each).get(3).equals(sizes(tap).get(3)))
                                .isPresent());
        Optional<Tap> values = fourAxes(v).filter(tap -> fit(tap, sizes, sizes(pattern.get())));
        return Optional.of(new Attention(softmax, mix, all.get(), pattern.get(), queries, keys, values));
    }

    private List<Size> sizes(Tap tap) {
        return shapes.find(tap.value())
                .map(shape -> tap.view().sizes(shape.dims()))
                .orElse(List.of());
    }

    /** Keys and values have the rows of the scores, and a position for each of the pattern's columns. */
    private boolean fit(Tap tap, List<Size> scores, List<Size> pattern) {
        List<Size> sizes = sizes(tap);
        return sizes.get(0).equals(scores.get(0)) && sizes.get(2).equals(pattern.get(3));
    }

    /** Some keep rows and heads on one axis, at least where they multiply. */
    private Optional<Tap> fourAxes(Tap tap) {
        Optional<Shape> shape = shapes.find(tap.value());
        if (shape.isEmpty() || shape.get().rank() == 4) {
            return shape.map(unused -> tap);
        }
        int split = graph.producer(tap.value());
        if (tap.view().steps().isEmpty()
                && graph.op(split).equals("Reshape")
                && shapes.rank(graph.input(split, 0)) == 4
                && lastTwo(graph.input(split, 0)).equals(lastTwo(tap.value()))) {
            return Optional.of(new Tap(graph.input(split, 0), split));
        }
        long heads = shape.get().rank() == 3 ? factor(shape.get().dim(0)) : 0;
        return heads > 0 && tap.view().steps().size() < 2
                ? Optional.of(new Tap(tap.value(), tap.reader(), tap.view().then(View.splitRows(heads))))
                : Optional.empty();
    }

    private List<Size> lastTwo(String value) {
        return shapes.find(value)
                .map(shape -> shape.dims().subList(shape.rank() - 2, shape.rank()))
                .orElse(List.of());
    }

    /** The heads in {@code 4*batch}. */
    private static long factor(Size size) {
        return size.terms().size() == 1 && size.terms().get(0).symbols().size() == 1
                ? size.terms().get(0).factor()
                : 0;
    }

    /**
     * What multiplies the values, and where.
     *
     * @param pattern the weights, with four axes if they ever have them
     * @param product number of the node
     */
    private record Mixed(Tap pattern, int product) {}

    private Optional<Mixed> pattern(Tap weights, int steps) {
        String value = graph.output(weights.reader());
        for (int reader : graph.consumers(value)) {
            if (isProduct(reader) && graph.input(reader, 0).equals(value)) {
                boolean flattened = graph.op(weights.reader()).equals("Reshape");
                return Optional.of(new Mixed(flattened ? weights : new Tap(value, reader), reader));
            }
        }
        for (int reader : steps == 0 ? List.<Integer>of() : graph.consumers(value)) {
            if (AFTER_SOFTMAX.contains(graph.op(reader))) {
                Optional<Mixed> found = pattern(new Tap(value, reader), steps - 1);
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
        int producer = graph.producer(unrounded(tap).value());
        if (graph.op(producer).equals("Mul") || graph.op(producer).equals("Div")) {
            for (int side = 0; side < 2; side++) {
                if (isNumber(graph.input(producer, 1 - side)) && data.has(graph.input(producer, side))) {
                    return unscaled(new Tap(graph.input(producer, side), producer));
                }
            }
        }
        return tap;
    }

    private Tap unrounded(Tap tap) {
        int rounding = graph.rounding(tap.value());
        return rounding == Graph.NONE ? tap : new Tap(graph.input(rounding, 0), rounding, tap.view());
    }

    private boolean isNumber(String value) {
        return graph.isConstant(value)
                ? graph.file.constant(value).stream()
                        .anyMatch(each -> Arrays.stream(each.shape()).allMatch(dim -> dim == 1))
                : shapes.find(value).filter(Shape::isScalar).isPresent();
    }

    private Tap keys(Tap product) {
        Tap turned = unrounded(unscaled(product));
        int producer = graph.producer(turned.value());
        if (graph.op(producer).equals("Transpose")) {
            Tap before = new Tap(graph.input(producer, 0), producer);
            List<Long> perm = graph.ints(producer, "perm");
            if (perm.equals(List.of(0L, 2L, 3L, 1L))) {
                return new Tap(before.value(), producer, View.of(new View.Transpose(List.of(0, 2, 1, 3))));
            }
            if (perm.equals(List.of(0L, 1L, 3L, 2L)) || perm.equals(List.of(0L, 2L, 1L))) {
                return unrepeated(unscaled(before));
            }
        }
        int transpose = graph.producer(graph.input(producer, 0));
        int flatten = graph.producer(graph.input(transpose, 0));
        if (graph.op(producer).equals("Reshape")
                && graph.op(transpose).equals("Transpose")
                && graph.op(flatten).equals("Reshape")) {
            return unrepeated(unscaled(new Tap(graph.input(flatten, 0), flatten)));
        }
        if (shapes.rank(turned.value()) == 3) {
            return rowsOfKeys(turned, producer);
        }
        return new Tap(turned.value(), turned.reader(), View.of(new View.Transpose(List.of(0, 1, 3, 2))));
    }

    /** Keys that were turned before rows and heads were joined. */
    private Tap rowsOfKeys(Tap turned, int producer) {
        String before = graph.input(producer, 0);
        return graph.op(producer).equals("Reshape")
                        && shapes.rank(before) == 4
                        && lastTwo(before).equals(lastTwo(turned.value()))
                ? keys(new Tap(before, producer))
                : new Tap(turned.value(), turned.reader(), View.of(new View.Transpose(List.of(0, 2, 1))));
    }

    /** Steps back over the copies of kv heads: a new axis, repeated, joined with the heads. */
    private Tap unrepeated(Tap tap) {
        int join = graph.producer(unrounded(tap).value());
        int repeat = graph.producer(graph.input(join, 0));
        int axis = graph.producer(graph.input(repeat, 0));
        boolean found = graph.op(join).equals("Reshape")
                && (graph.op(repeat).equals("Expand") || graph.op(repeat).equals("Tile"))
                && (graph.op(axis).equals("Unsqueeze") || graph.op(axis).equals("Reshape"));
        return found ? new Tap(graph.input(axis, 0), axis) : tap;
    }
}
