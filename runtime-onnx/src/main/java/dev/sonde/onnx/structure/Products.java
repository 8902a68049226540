package dev.sonde.onnx.structure;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads products of a value with a weight, whichever operator makes them and however the weight lies. */
final class Products {
    private static final Set<String> OPERATORS = Set.of("MatMul", "Gemm");

    /**
     * A product with a weight.
     *
     * @param node its number
     * @param weight name of the matrix
     * @param turned whether the matrix lies output by input
     * @param bias name of the vector that is added, or {@code ""}
     * @param output the value with the bias
     */
    record Product(int node, String weight, boolean turned, String bias, String output) {}

    private final Graph graph;

    Products(Graph graph) {
        this.graph = graph;
    }

    /** Returns the product that a node is, if its second factor is a matrix of the file. */
    Optional<Product> at(int node) {
        boolean plain = OPERATORS.contains(graph.op(node)) && graph.number(node, "transA", 0) == 0;
        if (!plain || rank(graph.stored(graph.input(node, 1))) != 2) {
            return quantised(node);
        }
        String weight = graph.input(node, 1);
        boolean turned = graph.number(node, "transB", 0) == 1;
        String bias = graph.input(node, 2);
        if (!bias.isEmpty()) {
            return Optional.of(new Product(node, weight, turned, rank(bias) == 1 ? bias : "", graph.output(node)));
        }
        return Optional.of(withBias(new Product(node, weight, turned, "", graph.output(node))));
    }

    /** Returns the node that multiplies what a node reads, which may put rows and positions on one axis before. */
    int behind(int node) {
        if (!graph.op(node).equals("Reshape")) {
            return node;
        }
        List<Integer> readers = graph.consumers(graph.output(node));
        return readers.size() == 1 ? readers.get(0) : Graph.NONE;
    }

    /** Products with matrices that have no value as floats. */
    private Optional<Product> quantised(int node) {
        String output = node == Graph.NONE ? "" : graph.output(node);
        if (graph.op(node).equals("MatMulInteger") && rank(graph.input(node, 1)) == 2) {
            output = onlyReader(onlyReader(output, "Cast"), "Mul");
        } else if (!graph.op(node).equals("MatMulNBits")) {
            return Optional.empty();
        }
        return output.isEmpty()
                ? Optional.empty()
                : Optional.of(withBias(new Product(node, graph.input(node, 1), false, "", output)));
    }

    private String onlyReader(String value, String operator) {
        List<Integer> readers = graph.consumers(value);
        return readers.size() == 1 && graph.op(readers.get(0)).equals(operator) ? graph.output(readers.get(0)) : "";
    }

    /** An exporter may add the bias behind the product. */
    private Product withBias(Product product) {
        List<Integer> readers = graph.consumers(product.output());
        int sum = readers.size() == 1 && graph.op(readers.get(0)).equals("Add") ? readers.get(0) : Graph.NONE;
        for (int side = 0; sum != Graph.NONE && side < 2; side++) {
            if (rank(graph.input(sum, side)) == 1) {
                return new Product(
                        product.node(), product.weight(), product.turned(), graph.input(sum, side), graph.output(sum));
            }
        }
        return product;
    }

    private int rank(String value) {
        return graph.file.constant(value).map(each -> each.shape().length).orElse(-1);
    }

    /** Returns the size of one side of a product's matrix: 0 for what it receives, 1 for what it returns. */
    long size(Product product, int side) {
        if (graph.op(product.node()).equals("MatMulNBits")) {
            return graph.number(product.node(), side == 0 ? "K" : "N", -1);
        }
        return graph.file
                .constant(graph.stored(product.weight()))
                .map(each -> each.shape()[product.turned() ? 1 - side : side])
                .orElse(-1L);
    }
}
