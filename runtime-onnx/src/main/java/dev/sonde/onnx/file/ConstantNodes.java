package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/** Turns Constant nodes into initialisers of their output's name. Strings and sparse tensors stay nodes. */
final class ConstantNodes {
    private ConstantNodes() {}

    static void toInitialisers(WorkGraph graph) {
        int before = graph.nodes.size();
        graph.nodes.removeIf(node -> {
            Optional<Weight> weight = weight(node, graph.tensors);
            weight.ifPresent(w -> graph.weights.put(w.name(), w));
            return weight.isPresent();
        });
        int count = before - graph.nodes.size();
        graph.note(count > 0, "Turned " + count + " Constant nodes into initialisers of the same names.");
    }

    static boolean isStandard(NodeProto node) {
        return node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx");
    }

    private static Optional<Weight> weight(NodeProto node, TensorReader tensors) {
        if (!node.getOpType().equals("Constant")
                || !isStandard(node)
                || node.getOutputCount() != 1
                || node.getAttributeCount() != 1) {
            return Optional.empty();
        }
        String name = node.getOutput(0);
        AttributeProto attribute = node.getAttribute(0);
        return switch (attribute.getName()) {
            case "value" ->
                attribute.hasT()
                        ? Optional.of(tensors.read(attribute.getT(), name)).filter(w -> !w.isText())
                        : Optional.empty();
            case "value_float" -> Optional.of(floats(name, List.of(), List.of(attribute.getF())));
            case "value_floats" ->
                Optional.of(floats(name, List.of((long) attribute.getFloatsCount()), attribute.getFloatsList()));
            case "value_int" -> Optional.of(longs(name, List.of(), List.of(attribute.getI())));
            case "value_ints" ->
                Optional.of(longs(name, List.of((long) attribute.getIntsCount()), attribute.getIntsList()));
            default -> Optional.empty();
        };
    }

    private static Weight floats(String name, List<Long> dims, List<Float> values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
        values.forEach(bytes::putFloat);
        return new Weight(name, 1, dims, new Weight.InMemory(bytes.flip()));
    }

    private static Weight longs(String name, List<Long> dims, List<Long> values) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
        values.forEach(bytes::putLong);
        return new Weight(name, 7, dims, new Weight.InMemory(bytes.flip()));
    }
}
