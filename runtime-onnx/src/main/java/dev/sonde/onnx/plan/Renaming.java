package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.onnx.file.Uses;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Lets nodes read other values, also inside the graphs that they contain. */
final class Renaming {
    private Renaming() {}

    static NodeProto inputs(NodeProto node, UnaryOperator<String> names) {
        NodeProto.Builder renamed = node.toBuilder();
        for (int i = 0; i < node.getInputCount(); i++) {
            if (!node.getInput(i).isEmpty()) {
                renamed.setInput(i, names.apply(node.getInput(i)));
            }
        }
        for (int i = 0; i < node.getAttributeCount() && !Uses.graphs(node).isEmpty(); i++) {
            renamed.setAttribute(i, attribute(node.getAttribute(i), names));
        }
        return renamed.build();
    }

    private static AttributeProto attribute(AttributeProto attribute, UnaryOperator<String> names) {
        AttributeProto.Builder renamed = attribute.toBuilder();
        if (attribute.hasG()) {
            renamed.setG(graph(attribute.getG(), names));
        }
        for (int i = 0; i < attribute.getGraphsCount(); i++) {
            renamed.setGraphs(i, graph(attribute.getGraphs(i), names));
        }
        return renamed.build();
    }

    private static GraphProto graph(GraphProto graph, UnaryOperator<String> names) {
        Set<String> own = Uses.defined(graph);
        UnaryOperator<String> outer = name -> own.contains(name) ? name : names.apply(name);
        GraphProto.Builder renamed = graph.toBuilder();
        List<NodeProto> nodes = new ArrayList<>();
        graph.getNodeList().forEach(node -> nodes.add(inputs(node, outer)));
        renamed.clearNode().addAllNode(nodes);
        for (int i = 0; i < graph.getOutputCount(); i++) {
            renamed.getOutputBuilder(i).setName(outer.apply(graph.getOutput(i).getName()));
        }
        return renamed.build();
    }

    /** Returns a copy of a node of which every value has another name. */
    static NodeProto copy(NodeProto node, Map<String, String> names, String newName) {
        NodeProto.Builder copy =
                inputs(node, name -> names.getOrDefault(name, name)).toBuilder().setName(newName);
        for (int i = 0; i < node.getOutputCount(); i++) {
            copy.setOutput(i, names.getOrDefault(node.getOutput(i), node.getOutput(i)));
        }
        return copy.build();
    }
}
