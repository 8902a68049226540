package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.List;
import java.util.Set;

/**
 * A fused operator and what it stands for. Both read and make values of the same names.
 *
 * @param fused the operator as the file has it
 * @param nodes the same in other operators, sorted
 * @param constants what these read beside the operator's own inputs
 * @param streams names of those nodes that add a module's result to the stream: the file's operator begins with what is the
 *     end of the module before it
 */
public record Fusion(NodeProto fused, List<NodeProto> nodes, List<TensorProto> constants, Set<String> streams) {
    /** Copies its parts. */
    public Fusion {
        nodes = List.copyOf(nodes);
        constants = List.copyOf(constants);
        streams = Set.copyOf(streams);
    }

    /** Returns what it is and where, for people. */
    public String label() {
        return fused.getOpType() + " at '" + fused.getName() + "'";
    }
}
