package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Which values a node reads, also through the graphs it contains. */
public final class Uses {
    private Uses() {}

    /** Returns the node's inputs (without absent optional ones) and what its inner graphs capture. */
    public static Set<String> of(NodeProto node) {
        Set<String> names = new LinkedHashSet<>(node.getInputList());
        names.remove("");
        for (GraphProto graph : graphs(node)) {
            names.addAll(captured(graph));
        }
        return names;
    }

    /** Returns the graphs in the node's attributes. */
    public static List<GraphProto> graphs(NodeProto node) {
        List<GraphProto> graphs = new ArrayList<>();
        for (AttributeProto attribute : node.getAttributeList()) {
            if (attribute.hasG()) {
                graphs.add(attribute.getG());
            }
            graphs.addAll(attribute.getGraphsList());
        }
        return graphs;
    }

    private static Set<String> captured(GraphProto graph) {
        Set<String> inside = defined(graph);
        Set<String> names = new LinkedHashSet<>();
        graph.getNodeList().forEach(node -> names.addAll(of(node)));
        graph.getOutputList().forEach(output -> names.add(output.getName()));
        names.removeAll(inside);
        return names;
    }

    /** Returns the names that an inner graph defines itself. */
    public static Set<String> defined(GraphProto graph) {
        Set<String> names = new HashSet<>();
        for (ValueInfoProto input : graph.getInputList()) {
            names.add(input.getName());
        }
        for (TensorProto tensor : graph.getInitializerList()) {
            names.add(tensor.getName());
        }
        for (NodeProto node : graph.getNodeList()) {
            names.addAll(node.getOutputList());
        }
        return names;
    }
}
