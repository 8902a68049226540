package dev.sonde.onnx.structure;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** Finds normalisations, whether they are one operator or written out. */
final class Norms {
    private static final Set<String> WHOLE =
            Set.of("LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization");
    private static final Set<String> COPIES = Set.of("Cast", "Identity", "QuantizeLinear", "DequantizeLinear");
    private static final int STEPS = 8;

    /**
     * One normalisation.
     *
     * @param input what it receives
     * @param output what it returns, behind its weight and bias
     * @param scale the denominator, or {@code ""} inside an operator
     * @param node its operator, or the node that makes the denominator
     */
    record Norm(String input, String output, String scale, int node) {}

    private final Graph graph;
    private final Shapes shapes;
    private final Map<String, Norm> byOutput = new LinkedHashMap<>();
    private final Map<String, Norm> byInput = new HashMap<>();

    Norms(Graph graph, Shapes shapes) {
        this.graph = graph;
        this.shapes = shapes;
        IntStream.range(0, graph.size()).forEach(node -> at(node).ifPresent(this::add));
    }

    private void add(Norm norm) {
        byOutput.put(norm.output(), norm);
        byInput.putIfAbsent(norm.input(), norm);
    }

    /** Returns all, in the order of the graph. */
    List<Norm> all() {
        return List.copyOf(byOutput.values());
    }

    /** Returns the normalisation that makes a value. */
    Optional<Norm> making(String output) {
        return Optional.ofNullable(byOutput.get(output));
    }

    /** Returns the first normalisation of a value, or of what it is a copy of. */
    Optional<Norm> of(String input) {
        return Optional.ofNullable(byInput.get(copied(input)));
    }

    private Optional<Norm> at(int node) {
        if (WHOLE.contains(graph.op(node))) {
            String input = copied(graph.input(node, 0));
            return Optional.of(new Norm(input, weighted(graph.output(node)), "", node));
        }
        if (!graph.op(node).equals("Sqrt") || !isColumn(graph.output(node))) {
            return Optional.empty();
        }
        return input(node)
                .flatMap(input -> output(node)
                        .map(output -> new Norm(copied(input), weighted(output), graph.output(node), node)));
    }

    private boolean isColumn(String value) {
        return shapes.find(value)
                .filter(shape -> shape.rank() >= 2 && shape.fixed(-1) == 1)
                .isPresent();
    }

    /** Steps back from the root to the mean of squares, and from there to what is squared, before its mean was taken away. */
    private Optional<String> input(int root) {
        int mean = made(graph.input(root, 0), Set.of("Add", "Cast", "Max", "Clip"), "ReduceMean");
        int square = mean == Graph.NONE ? Graph.NONE : graph.producer(copied(graph.input(mean, 0)));
        boolean squares = graph.op(square).equals("Pow")
                || (graph.op(square).equals("Mul") && graph.input(square, 0).equals(graph.input(square, 1)));
        if (!squares) {
            return Optional.empty();
        }
        String squared = copied(graph.input(square, 0));
        int centre = graph.producer(squared);
        boolean centred = graph.op(centre).equals("Sub")
                && graph.op(graph.producer(copied(graph.input(centre, 1)))).equals("ReduceMean");
        return Optional.of(centred ? graph.input(centre, 0) : squared);
    }

    private int made(String value, Set<String> passed, String wanted) {
        String at = value;
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(at);
            if (graph.op(producer).equals(wanted)) {
                return producer;
            }
            if (!passed.contains(graph.op(producer))) {
                return Graph.NONE;
            }
            at = graph.input(producer, graph.isConstant(graph.input(producer, 0)) ? 1 : 0);
        }
        return Graph.NONE;
    }

    /** The quotient by the root, or the product with its reciprocal. */
    private Optional<String> output(int root) {
        for (int reader : graph.consumers(graph.output(root))) {
            boolean inverse = graph.op(reader).equals("Reciprocal")
                    || (graph.op(reader).equals("Div") && graph.isConstant(graph.input(reader, 0)));
            int result = inverse ? firstReader(graph.output(reader)) : reader;
            if (result != Graph.NONE && Set.of("Div", "Mul").contains(graph.op(result))) {
                return Optional.of(graph.output(result));
            }
        }
        return Optional.empty();
    }

    private int firstReader(String value) {
        List<Integer> readers = graph.consumers(value);
        return readers.isEmpty() ? Graph.NONE : readers.get(0);
    }

    private String copied(String value) {
        String at = value;
        for (int step = 0; step < STEPS && COPIES.contains(graph.op(graph.producer(at))); step++) {
            at = graph.input(graph.producer(at), 0);
        }
        return at;
    }

    /** Goes on over the norm's weight and bias. */
    private String weighted(String value) {
        String at = value;
        for (int step = 0; step < STEPS; step++) {
            List<Integer> readers = graph.consumers(at);
            int reader = readers.size() == 1 ? readers.get(0) : Graph.NONE;
            boolean scales = Set.of("Mul", "Add").contains(graph.op(reader))
                    && (isVector(graph.input(reader, 0)) || isVector(graph.input(reader, 1)));
            if (!scales && !COPIES.contains(graph.op(reader))) {
                return at;
            }
            at = graph.output(reader);
        }
        return at;
    }

    private boolean isVector(String value) {
        return graph.file
                .constant(value)
                .filter(each -> each.shape().length <= 1)
                .isPresent();
    }
}
