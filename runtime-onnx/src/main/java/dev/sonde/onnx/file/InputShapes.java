package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.List;

/**
 * Leaves out the shapes of a model's inputs: they are checked before anything runs, and inferring others from them takes most
 * of a session's creation.
 */
public final class InputShapes {
    /** Its inference takes keys of unknown rank for none at all, and refuses models that are right. */
    private static final String NEEDS_RANKS = "GroupQueryAttention";

    private InputShapes() {}

    /** Returns whether sessions over these nodes are right without the shapes. */
    public static boolean mayBeForgotten(List<NodeProto> nodes) {
        return nodes.stream().noneMatch(node -> node.getOpType().equals(NEEDS_RANKS));
    }

    /** Returns the same input without its shape. */
    public static ValueInfoProto forget(ValueInfoProto input) {
        ValueInfoProto.Builder plain = input.toBuilder();
        if (input.getType().hasTensorType()) {
            plain.getTypeBuilder().getTensorTypeBuilder().clearShape();
        }
        return plain.build();
    }
}
