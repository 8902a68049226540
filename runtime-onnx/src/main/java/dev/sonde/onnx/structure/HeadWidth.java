package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.sonde.DType;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How wide the heads of a past are whose file leaves that open: as wide as those of the fused attention that reads it, which
 * the projection to its queries shows.
 */
final class HeadWidth {
    private static final int STEPS = 12;

    private final Graph graph;

    private HeadWidth(Graph graph) {
        this.graph = graph;
    }

    static OptionalLong of(Graph graph, String past) {
        return graph.consumers(past).stream()
                .mapToLong(node -> new HeadWidth(graph).ofReader(node))
                .filter(width -> width > 0)
                .findFirst();
    }

    private long ofReader(int attention) {
        long heads = number(attention, "num_heads");
        if (heads <= 0) {
            return -1;
        }
        boolean packed = graph.input(attention, 1).isEmpty();
        long all = packed ? heads + 2 * number(attention, "kv_num_heads") : heads;
        long columns = columns(graph.input(attention, 0));
        return columns > 0 && columns % all == 0 ? columns / all : -1;
    }

    /** The number of columns of the product that a value comes from. */
    private long columns(String value) {
        String at = value;
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(at);
            if (producer == Graph.NONE) {
                return -1;
            }
            long columns = switch (graph.op(producer)) {
                case "MatMulNBits" -> number(producer, "N");
                case "Reshape" -> last(graph.input(producer, 1));
                case "Split" -> part(producer, at);
                default -> ofMatrix(producer);
            };
            if (columns > 0) {
                return columns;
            }
            at = graph.input(producer, graph.isConstant(graph.input(producer, 0)) ? 1 : 0);
        }
        return -1;
    }

    /** The last of the sizes that a value of three axes is given. */
    private long last(String shape) {
        long[] sizes = whole(shape);
        return sizes.length == 3 ? sizes[2] : -1;
    }

    private long part(int split, String value) {
        long[] sizes = whole(graph.input(split, 1));
        int at = graph.nodes.get(split).getOutputList().indexOf(value);
        return at >= 0 && at < sizes.length ? sizes[at] : -1;
    }

    private long[] whole(String constant) {
        return graph.file
                .constant(constant)
                .filter(each -> each.dtype().filter(DType.INT64::equals).isPresent())
                .map(each -> {
                    long[] values = new long[each.bytes().remaining() / 8];
                    each.bytes().asLongBuffer().get(values);
                    return values;
                })
                .orElse(new long[0]);
    }

    private long ofMatrix(int node) {
        boolean product = graph.op(node).equals("MatMul") || graph.op(node).equals("Gemm");
        return product
                ? graph.file
                        .constant(graph.input(node, 1))
                        .filter(each -> each.shape().length == 2)
                        .map(each -> each.shape()[number(node, "transB") == 1 ? 0 : 1])
                        .orElse(-1L)
                : -1;
    }

    private long number(int node, String attribute) {
        @Nullable
        AttributeProto found = graph.nodes.get(node).getAttributeList().stream()
                .filter(each -> each.getName().equals(attribute))
                .findFirst()
                .orElse(null);
        return found == null ? -1 : found.getI();
    }
}
