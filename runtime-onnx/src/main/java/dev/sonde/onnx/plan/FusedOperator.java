package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.onnx.unfuse.Fusion;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * A fused operator that is written out in a model's graph.
 *
 * @param fusion what it is
 * @param nodes indices of the nodes that are written for it
 * @param inside names of the values that only exist when it is written out
 */
record FusedOperator(Fusion fusion, BitSet nodes, Set<String> inside) {
    static FusedOperator of(ModelGraph graph, Fusion fusion) {
        Set<String> inside = new HashSet<>();
        fusion.nodes().forEach(node -> inside.addAll(node.getOutputList()));
        inside.removeAll(fusion.fused().getOutputList());
        BitSet nodes =
                graph.indices(fusion.nodes().stream().map(NodeProto::getName).toList());
        return new FusedOperator(fusion, nodes, Set.copyOf(inside));
    }

    /** Returns whether it makes the value, in either form. */
    boolean makes(String value) {
        return inside.contains(value) || fusion.fused().getOutputList().contains(value);
    }
}
