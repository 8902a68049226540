package dev.sonde.onnx.structure;

import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Follows the features that a product returns through splits, reshapes and transpositions, for one row and one position:
 * which column of the weight ends where.
 *
 * @param dims shape of the value that was reached
 * @param columns the column of each of its elements
 * @param positions which axis the positions are on, in models with a fixed number of them
 */
record Columns(List<Integer> dims, List<Integer> columns, Positions positions) {
    /** An axis of which only the first element is followed; none at -1. */
    record Positions(int axis, int number) {
        private static final Positions NONE = new Positions(-1, 1);

        Positions at(int other) {
            return new Positions(other, number);
        }
    }

    Columns {
        dims = List.copyOf(dims);
        columns = List.copyOf(columns);
    }

    /** Returns the columns of a product's own result. */
    static Optional<Columns> of(Shapes shapes, String value) {
        return dims(shapes, value).filter(dims -> !dims.isEmpty()).flatMap(dims -> {
            int last = dims.size() - 1;
            int[] fixed =
                    IntStream.range(0, last).filter(axis -> dims.get(axis) > 1).toArray();
            Positions positions = fixed.length == 0 ? Positions.NONE : new Positions(fixed[0], dims.get(fixed[0]));
            return fixed.length > 1
                    ? Optional.empty()
                    : Optional.of(new Columns(
                            one(dims, positions),
                            IntStream.range(0, dims.get(last)).boxed().toList(),
                            positions));
        });
    }

    private static List<Integer> one(List<Integer> dims, Positions positions) {
        List<Integer> one = new ArrayList<>(dims);
        if (positions.axis() >= 0) {
            one.set(positions.axis(), 1);
        }
        return one;
    }

    private static int count(List<Integer> dims) {
        return dims.stream().reduce(1, (a, b) -> a * b);
    }

    private static Optional<List<Integer>> dims(Shapes shapes, String value) {
        List<Integer> dims = new ArrayList<>();
        for (Size size : shapes.find(value).map(Shape::dims).orElse(List.of(Size.UNKNOWN))) {
            Map<String, Long> one = new HashMap<>();
            size.symbols().forEach(symbol -> one.put(symbol, 1L));
            long number = size.in(one).orElse(-1);
            if (number < 1 || number > 1 << 20) {
                return Optional.empty();
            }
            dims.add((int) number);
        }
        return Optional.of(dims);
    }

    /** Returns where the columns are behind a node that only moves elements; nothing for other nodes. */
    Optional<Columns> behind(Graph graph, Shapes shapes, int node, String output) {
        return switch (graph.op(node)) {
            case "Identity", "Cast", "QuantizeLinear", "DequantizeLinear" -> Optional.of(this);
            case "Reshape", "Squeeze", "Unsqueeze", "Flatten" ->
                dims(shapes, output).flatMap(this::reshaped);
            case "Transpose" -> Optional.of(transposed(graph.ints(node, "perm")));
            case "Split" -> split(graph, shapes, node, output);
            case "Slice" -> slice(graph, new FixedSizes(graph, shapes), node);
            case "Gather" -> gather(graph, node);
            default -> Optional.empty();
        };
    }

    /** The axis of the positions stays whole, with as many elements behind it as before. */
    private Optional<Columns> reshaped(List<Integer> to) {
        if (count(to) != columns.size() * positions.number()) {
            return Optional.empty();
        }
        if (positions.axis() < 0) {
            return Optional.of(new Columns(to, columns, positions));
        }
        int behind = strides(dims)[positions.axis()];
        int[] strides = strides(to);
        return IntStream.range(0, to.size())
                .filter(axis -> to.get(axis) == positions.number() && strides[axis] == behind)
                .mapToObj(positions::at)
                .map(at -> new Columns(one(to, at), columns, at))
                .findFirst();
    }

    private Columns transposed(List<Long> given) {
        int rank = dims.size();
        List<Integer> perm = given.isEmpty()
                ? IntStream.range(0, rank).map(i -> rank - 1 - i).boxed().toList()
                : given.stream().map(Long::intValue).toList();
        List<Integer> to = perm.stream().map(dims::get).toList();
        int[] strides = strides(dims);
        int[] place = new int[rank];
        List<Integer> moved = new ArrayList<>();
        for (int i = 0; i < columns.size(); i++) {
            int from = 0;
            for (int axis = 0; axis < rank; axis++) {
                from += place[axis] * strides[perm.get(axis)];
            }
            moved.add(columns.get(from));
            for (int axis = rank - 1; axis >= 0 && ++place[axis] == to.get(axis); axis--) {
                place[axis] = 0;
            }
        }
        return new Columns(to, moved, positions.at(perm.indexOf(positions.axis())));
    }

    private static int[] strides(List<Integer> dims) {
        int[] strides = new int[dims.size()];
        int stride = 1;
        for (int i = dims.size() - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= dims.get(i);
        }
        return strides;
    }

    private Optional<Columns> split(Graph graph, Shapes shapes, int node, String output) {
        int axis = axis(graph.number(node, "axis", 0));
        int start = 0;
        for (String part : graph.nodes.get(node).getOutputList()) {
            Optional<List<Integer>> own = dims(shapes, part);
            if (own.isEmpty()) {
                return Optional.empty();
            }
            if (part.equals(output) && axis != positions.axis()) {
                int from = start;
                return Optional.of(taken(axis, i -> from + i, own.get().get(axis)));
            }
            start += own.get().get(axis);
        }
        return Optional.empty();
    }

    private int axis(long given) {
        return (int) (given < 0 ? given + dims.size() : given);
    }

    private Optional<Columns> slice(Graph graph, FixedSizes sizes, int node) {
        Optional<long[]> starts = sizes.of(graph.input(node, 1));
        Optional<long[]> ends = sizes.of(graph.input(node, 2));
        Optional<long[]> axes = sizes.of(graph.input(node, 3));
        String step = graph.input(node, 4);
        boolean plain = step.isEmpty()
                || sizes.of(step)
                        .filter(each -> Arrays.stream(each).allMatch(one -> one == 1))
                        .isPresent();
        if (starts.isEmpty() || ends.isEmpty() || axes.isEmpty() || !plain) {
            return Optional.empty();
        }
        Columns now = this;
        for (int i = 0; i < axes.get().length; i++) {
            int axis = axis(axes.get()[i]);
            int size = dims.get(axis);
            if (axis == positions.axis()) {
                return Optional.empty();
            }
            int from = clamp(starts.get()[i], size);
            int to = clamp(ends.get()[i], size);
            now = now.taken(axis, each -> from + each, Math.max(0, to - from));
        }
        return Optional.of(now);
    }

    private static int clamp(long index, int size) {
        return (int) Math.max(0, Math.min(size, index < 0 ? index + size : index));
    }

    private Optional<Columns> gather(Graph graph, int node) {
        int axis = axis(graph.number(node, "axis", 0));
        return graph.file
                .constant(graph.input(node, 1))
                .filter(each -> each.shape().length == 0 && axis != positions.axis())
                .map(each -> each.toTensor().toLongs()[0])
                .map(index -> taken(axis, i -> (int) (index < 0 ? index + dims.get(axis) : index), 1)
                        .without(axis));
    }

    private Columns without(int axis) {
        List<Integer> to = new ArrayList<>(dims);
        to.remove(axis);
        return new Columns(to, columns, positions.at(positions.axis() - (positions.axis() > axis ? 1 : 0)));
    }

    /** A number for a number. */
    private interface Index {
        int of(int index);
    }

    private Columns taken(int axis, Index index, int size) {
        int inner = strides(dims)[axis];
        int whole = dims.get(axis) * inner;
        List<Integer> kept = new ArrayList<>();
        for (int outer = 0; outer < columns.size(); outer += whole) {
            for (int i = 0; i < size; i++) {
                int from = outer + index.of(i) * inner;
                kept.addAll(columns.subList(from, from + inner));
            }
        }
        List<Integer> to = new ArrayList<>(dims);
        to.set(axis, size);
        return new Columns(to, kept, positions);
    }
}
