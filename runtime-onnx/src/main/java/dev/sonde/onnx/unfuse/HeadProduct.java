package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;

/**
 * A product of all heads' mixed values with a matrix, written head by head, so that what each head adds to the stream is a
 * value of its own. It is written out only in programs that look at that value.
 *
 * @param node the product
 * @param mixed name of the same values with axes {@code batch, position, head, d_head}
 * @param heads how many
 * @param width of each
 * @param isTurned whether the matrix lies output by input
 * @param isFlat whether the product is over rows and positions on one axis
 */
public record HeadProduct(NodeProto node, String mixed, long heads, long width, boolean isTurned, boolean isFlat) {
    /** Returns the name of what each head adds: {@code batch, position, head, d_model}, without the bias. */
    public String result() {
        return node.getName() + ".result";
    }

    /** Returns the names of the nodes that are written for it in a model. */
    public List<String> nodes(ModelProto model) {
        return model.getGraph().getNodeList().stream()
                .map(NodeProto::getName)
                .filter(name -> name.startsWith(node.getName() + "."))
                .toList();
    }

    Fusion write(int opset, Known known) {
        Parts parts = new Parts(node, opset, known);
        String shape = parts.add("shape", "Shape", List.of(mixed));
        String split = parts.add("split", "Reshape", List.of(parts.input(0), shape));
        String byHead = parts.transpose("by_head", split, 0, 2, 1, 3);
        String matrix = isTurned ? parts.transpose("turned", parts.input(1), 1, 0) : parts.input(1);
        String matrices = parts.reshape("matrices", matrix, heads, width, -1);
        String each = parts.add("each", "MatMul", List.of(byHead, matrices));
        String sum = parts.sum("sum", parts.transpose("result", each, 0, 2, 1, 3), 2);
        String whole = isFlat ? flat(parts, sum, matrix) : sum;
        if (parts.has(2)) {
            parts.into(parts.output(0), "biased", "Add", List.of(whole, parts.input(2)));
        } else {
            parts.into(parts.output(0), "whole", "Identity", List.of(whole));
        }
        return parts.fusion();
    }

    private static String flat(Parts parts, String sum, String matrix) {
        String columns = parts.sizeOf("columns", matrix, 1);
        String shape = parts.concat("flat.shape", 0, parts.ints(-1), columns);
        return parts.add("flat", "Reshape", List.of(sum, shape));
    }
}
