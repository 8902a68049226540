package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Gives every node of the outer graph a name of its own. */
final class NodeNames {
    private NodeNames() {}

    static void complete(WorkGraph graph) {
        List<NodeProto> nodes = graph.nodes;
        Set<String> given = new HashSet<>();
        nodes.forEach(node -> given.add(node.getName()));
        Set<String> taken = new HashSet<>();
        int made = 0;
        for (int i = 0; i < nodes.size(); i++) {
            NodeProto node = nodes.get(i);
            String name = node.getName();
            if (name.isEmpty() || !taken.add(name)) {
                String stem = (name.isEmpty() ? node.getOpType() : name) + "_" + i;
                String free = stem;
                for (int n = 2; given.contains(free) || !taken.add(free); n++) {
                    free = stem + "_" + n;
                }
                nodes.set(i, node.toBuilder().setName(free).build());
                made++;
            }
        }
        graph.note(made > 0, "Named " + made + " nodes that had no name of their own, such as MatMul_17.");
    }
}
