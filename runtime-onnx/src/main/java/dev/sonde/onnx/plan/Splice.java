package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What is added to a model: everything about a program but its numbers, so that equal splices share a session.
 *
 * @param onModel whether it is spliced into the model or stands alone
 * @param opset version of the standard operators
 * @param nodes new nodes
 * @param initializers constants that belong to the structure, such as axes
 * @param inputs new inputs
 * @param redirects what nodes of the model read instead of a value
 * @param outputs names of the values to return
 * @param forbidden nodes of the model that must not be needed
 * @param few names of the model's products that have few rows, which are written in another way than those of many
 */
public record Splice(
        boolean onModel,
        int opset,
        List<NodeProto> nodes,
        List<TensorProto> initializers,
        List<ValueInfoProto> inputs,
        Map<Use, String> redirects,
        List<String> outputs,
        Set<Integer> forbidden,
        Set<String> few) {
    /**
     * A node's reading of a value.
     *
     * @param node index of the node in the model
     * @param value the value
     */
    public record Use(int node, String value) {}

    /** Copies its parts. */
    public Splice {
        nodes = List.copyOf(nodes);
        initializers = List.copyOf(initializers);
        inputs = List.copyOf(inputs);
        redirects = Map.copyOf(redirects);
        outputs = List.copyOf(outputs);
        forbidden = Set.copyOf(forbidden);
        few = Set.copyOf(few);
    }
}
