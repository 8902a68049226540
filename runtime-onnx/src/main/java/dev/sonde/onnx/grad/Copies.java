package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What a backward pass computes a second time, from one checkpoint to the next, so that only checkpoints are kept (Chen et al.,
 * "Training deep nets with sublinear memory cost", 2016, section 3). The second computation begins at a checkpoint that waits
 * for a gradient of what comes after: ONNX Runtime would otherwise compute both at once, or one for both.
 */
final class Copies {
    private final Circuit circuit;
    private final Ops ops;
    private final Set<String> checkpoints;
    private final Predicate<String> between;
    private final Map<String, String> copies = new HashMap<>();
    private final Map<String, String> originals = new HashMap<>();
    private Optional<String> condition = Optional.empty();

    /**
     * Returns one that copies nothing yet.
     *
     * @param checkpoints values that are kept; nothing is copied if there are none
     * @param between whether a value depends on what is differentiated by; others are kept too
     */
    Copies(Circuit circuit, Ops ops, Set<String> checkpoints, Predicate<String> between) {
        this.circuit = circuit;
        this.ops = ops;
        this.checkpoints = checkpoints;
        this.between = between;
    }

    /** Says that the way back has reached a value: before a checkpoint, all is computed again. */
    void reached(String value, String gradient) {
        if (checkpoints.contains(value)
                && ops.type(gradient).filter(type -> type.dtype().isFloat()).isPresent()) {
            copies.clear();
            String first = ops.node(
                    "Gather", List.of(ops.reshape(gradient, -1), circuit.constant(Tensor.scalar(DType.INT64, 0))));
            condition = Optional.of(ops.node("IsNaN", List.of(first)));
        }
    }

    /** Returns a node as it reads and makes what is computed again. */
    NodeProto of(NodeProto node) {
        if (condition.isEmpty() || hasBodies(node)) {
            return node;
        }
        NodeProto.Builder again = node.toBuilder().clearInput().clearOutput();
        node.getInputList().forEach(input -> again.addInput(again(input)));
        node.getOutputList().forEach(output -> again.addOutput(again(output)));
        return again.build();
    }

    /** Returns the value of which a value is the copy, or itself. */
    String original(String value) {
        return originals.getOrDefault(value, value);
    }

    private String again(String value) {
        String known = copies.get(value);
        if (known != null) {
            return known;
        }
        Optional<NodeProto> producer = between.test(value) ? circuit.producer(value) : Optional.empty();
        if (producer.isEmpty() || hasBodies(producer.get())) {
            return value;
        }
        if (checkpoints.contains(value)) {
            String gate = condition.orElseThrow();
            return copied(value, ops.node("Where", List.of(gate, value, value)));
        }
        compute(producer.get());
        return copies.getOrDefault(value, value);
    }

    private void compute(NodeProto node) {
        NodeProto.Builder again = node.toBuilder().clearInput().clearOutput();
        node.getInputList().forEach(input -> again.addInput(again(input)));
        String name = circuit.fresh();
        for (int i = 0; i < node.getOutputCount(); i++) {
            String output = node.getOutput(i);
            again.addOutput(output.isEmpty() ? "" : copied(output, i == 0 ? name : name + ":" + i));
        }
        circuit.add(again.setName(name).build());
    }

    private String copied(String value, String copy) {
        ops.type(value).ifPresent(type -> ops.know(copy, type));
        copies.put(value, copy);
        originals.put(copy, value);
        return copy;
    }

    /** Bodies read values by name, so they are not copied. */
    private static boolean hasBodies(NodeProto node) {
        return node.getAttributeList().stream().anyMatch(AttributeProto::hasG);
    }
}
