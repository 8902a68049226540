package dev.sonde.onnx.reuse;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.DType;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.Uses;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What is known of a model's values before it runs: shapes, small constants, and what follows from no input. */
final class ModelFacts {
    private static final int SMALL = 64;

    private final GraphProto graph;
    private final Map<String, TensorProto> constants = new HashMap<>();
    private final Set<String> varying = new HashSet<>();
    private final Function<String, Optional<ValueShape>> shapes;
    private final Map<String, Optional<List<Extent>>> extents = new HashMap<>();

    ModelFacts(GraphProto graph, Function<String, Optional<ValueShape>> shapes) {
        this.graph = graph;
        this.shapes = shapes;
        graph.getInitializerList().forEach(tensor -> constants.put(tensor.getName(), tensor));
        graph.getInputList().stream()
                .map(input -> input.getName())
                .filter(name -> !constants.containsKey(name))
                .forEach(varying::add);
        for (NodeProto node : graph.getNodeList()) {
            if (Uses.of(node).stream().anyMatch(varying::contains)) {
                varying.addAll(node.getOutputList());
            }
        }
    }

    List<NodeProto> nodes() {
        return graph.getNodeList();
    }

    boolean isConstant(String value) {
        return constants.containsKey(value);
    }

    /** Returns whether the value is the same in all runs. */
    boolean isFixed(String value) {
        return !varying.contains(value);
    }

    boolean isFloat(String value) {
        return shapes.apply(value)
                .filter(shape -> shape.dtype() == DType.FLOAT32)
                .isPresent();
    }

    /** Returns the sizes of a value, or nothing if one is no product. */
    Optional<List<Extent>> extents(String value) {
        return extents.computeIfAbsent(value, this::find);
    }

    private Optional<List<Extent>> find(String value) {
        TensorProto constant = constants.get(value);
        if (constant != null) {
            return Optional.of(constant.getDimsList().stream()
                    .map(size -> new Extent(size, 0, 0))
                    .toList());
        }
        List<Extent> found = new ArrayList<>();
        for (Size size : shapes.apply(value).map(ValueShape::sizes).orElse(List.of(Size.UNKNOWN))) {
            Optional<Extent> extent = Extent.of(size);
            if (extent.isEmpty()) {
                return Optional.empty();
            }
            found.add(extent.get());
        }
        return Optional.of(found);
    }

    List<Extent> known(String value) throws Refusal {
        return extents(value).orElseThrow(() -> new Refusal("the shape of '" + value + "' is not known"));
    }

    /** Returns the numbers of a small constant. */
    Optional<double[]> numbers(String value) {
        TensorProto tensor = constants.get(value);
        if (tensor == null || tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
            return Optional.empty();
        }
        long size = tensor.getDimsList().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
        return size > SMALL || tensor.getRawData().isEmpty() ? Optional.empty() : numbers(tensor, (int) size);
    }

    private static Optional<double[]> numbers(TensorProto tensor, int size) {
        ByteBuffer bytes = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        double[] numbers = new double[size];
        for (int i = 0; i < size; i++) {
            switch (tensor.getDataType()) {
                case 1 -> numbers[i] = bytes.getFloat();
                case 6 -> numbers[i] = bytes.getInt();
                case 7 -> numbers[i] = bytes.getLong();
                case 9 -> numbers[i] = bytes.get();
                case 11 -> numbers[i] = bytes.getDouble();
                default -> {
                    return Optional.empty();
                }
            }
        }
        return Optional.of(numbers);
    }

    static long number(NodeProto node, String name, long otherwise) {
        @Nullable AttributeProto found = attribute(node, name);
        return found == null ? otherwise : found.getI();
    }

    /** Returns the whole numbers of an attribute, or nothing if the node has none of that name. */
    static Optional<List<Long>> list(NodeProto node, String name) {
        return Optional.ofNullable(attribute(node, name)).map(AttributeProto::getIntsList);
    }

    private static @Nullable AttributeProto attribute(NodeProto node, String name) {
        return node.getAttributeList().stream()
                .filter(each -> each.getName().equals(name))
                .findFirst()
                .orElse(null);
    }
}
