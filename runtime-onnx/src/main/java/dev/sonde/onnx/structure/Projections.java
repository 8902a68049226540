package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Attention.Tap;
import dev.sonde.onnx.structure.Products.Product;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** Goes back from queries, keys, values and hidden features to the product with a weight that they come from. */
final class Projections {
    private static final int NODES = 200;

    private static final View HEADS_BEHIND_POSITIONS = View.of(new View.Transpose(List.of(0, 2, 1, 3)));

    /**
     * Where features come from.
     *
     * @param product the product with the weight
     * @param features what it returns, split into heads: before norms and rotary
     * @param layout where the features of each head are in the weight
     */
    record Projection(Product product, Tap features, Layout layout) {}

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Products products;

    Projections(Graph graph, Shapes shapes, DataPath data, Products products) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.products = products;
    }

    /** Returns the projection behind queries, keys or values of so many heads, {@code batch, head, position, d_head}. */
    Optional<Projection> ofHeads(Tap tap, int heads, int width) {
        return source(tap.value()).flatMap(product -> follow(product, tap.value(), heads, width));
    }

    /** Returns the projection behind features without heads. */
    Optional<Projection> ofFeatures(String value, int width) {
        return source(value).flatMap(product -> follow(product, value, 1, width));
    }

    /** The one product with a weight that the value comes from. */
    private Optional<Product> source(String value) {
        BitSet behind = behind(value);
        int[] found = behind.stream()
                .filter(node -> Mlp.PRODUCTS.contains(graph.op(node)))
                .toArray();
        return found.length == 1 && behind.cardinality() < NODES ? products.at(found[0]) : Optional.empty();
    }

    /** The nodes that a value's numbers come through, back to the first products: not those that make sizes. */
    private BitSet behind(String value) {
        BitSet seen = new BitSet();
        Deque<Integer> next = new ArrayDeque<>(List.of(graph.producer(value)));
        while (!next.isEmpty() && seen.cardinality() < NODES) {
            int node = next.poll();
            if (node == Graph.NONE || seen.get(node)) {
                continue;
            }
            seen.set(node);
            if (!Mlp.PRODUCTS.contains(graph.op(node))) {
                graph.uses(node).stream().filter(this::carries).forEach(each -> next.add(graph.producer(each)));
            }
        }
        return seen;
    }

    /** Whether a value is what the numbers come through: floats, and whole numbers that stand for them. */
    private boolean carries(String value) {
        String maker = graph.op(graph.producer(value));
        return data.has(value)
                && !maker.equals("DynamicQuantizeLinear")
                && (shapes.isFloat(value) || maker.equals("QuantizeLinear") || maker.equals("MatMulInteger"));
    }

    private Optional<Projection> follow(Product product, String end, int heads, int width) {
        BitSet between = behind(end);
        String value = product.output();
        Optional<Columns> columns = Columns.of(shapes, value);
        Optional<Projection> found = Optional.empty();
        while (columns.isPresent()) {
            found = better(found, product, value, reader(value, between), columns.get(), heads, width);
            Optional<Step> step = value.equals(end) ? Optional.empty() : step(value, between, end);
            if (step.isEmpty()) {
                return found;
            }
            columns = columns.get()
                    .behind(graph, shapes, step.get().node(), step.get().output());
            value = step.get().output();
        }
        return found;
    }

    /** One value on the way. */
    private record Step(int node, String output) {}

    private Optional<Step> step(String value, BitSet between, String end) {
        List<Step> steps = graph.consumers(value).stream()
                .filter(between::get)
                .flatMap(node -> graph.nodes.get(node).getOutputList().stream()
                        .filter(output -> output.equals(end)
                                || graph.consumers(output).stream().anyMatch(between::get))
                        .map(output -> new Step(node, output)))
                .toList();
        return steps.size() == 1 ? Optional.of(steps.get(0)) : Optional.empty();
    }

    private int reader(String value, BitSet between) {
        List<Integer> readers = graph.consumers(value);
        return readers.stream()
                .filter(between::get)
                .findFirst()
                .orElse(readers.isEmpty() ? graph.producer(value) : readers.get(0));
    }

    /** Keeps the first value that has heads on an axis of their own, or else the last whose features are those of the heads. */
    private Optional<Projection> better(
            Optional<Projection> found,
            Product product,
            String value,
            int reader,
            Columns columns,
            int heads,
            int width) {
        int rank = columns.dims().size();
        boolean all = columns.columns().size() == heads * width;
        boolean split = heads > 1 || rank == 4;
        if (!all
                || found.filter(each -> shapes.rank(each.features().value()) == 4)
                        .isPresent()) {
            return found;
        }
        Optional<View> view = isBeforePositions(value, heads)
                ? Optional.of(HEADS_BEHIND_POSITIONS)
                : view(columns, rank, heads, width, split);
        Optional<Layout> layout = Layout.of(columns.columns(), heads, width, (int) products.size(product, 1));
        return view.isPresent() && layout.isPresent()
                ? Optional.of(new Projection(product, new Tap(value, reader, view.get()), layout.get()))
                : found;
    }

    /** Whether a single head's axis lies before that of the positions, which one position does not show. */
    private boolean isBeforePositions(String value, int heads) {
        return heads == 1
                && shapes.find(value)
                        .filter(shape -> shape.rank() == 4 && shape.fixed(1) == 1 && shape.fixed(2) != 1)
                        .isPresent();
    }

    private static Optional<View> view(Columns columns, int rank, int heads, int width, boolean split) {
        List<Integer> dims = columns.dims();
        if (rank == 4 && dims.get(3) == width) {
            return dims.get(2) == heads && dims.get(1) == 1
                    ? Optional.of(View.IDENTITY)
                    : dims.get(1) == heads && dims.get(2) == 1 ? Optional.of(HEADS_BEHIND_POSITIONS) : Optional.empty();
        }
        if (rank != 3 || dims.get(2) != heads * width) {
            return Optional.empty();
        }
        return Optional.of(split ? View.splitHeads(heads, width) : View.IDENTITY);
    }
}
