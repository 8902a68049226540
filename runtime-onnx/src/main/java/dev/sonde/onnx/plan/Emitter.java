package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Collects the new nodes of one program, in the operator set of the model that they go into. */
final class Emitter {
    private final int opset;
    private final List<NodeProto> nodes = new ArrayList<>();
    private final List<ValueInfoProto> inputs = new ArrayList<>();
    private final Map<Tensor, String> constants = new HashMap<>();
    private final Map<String, Tensor> numbers = new HashMap<>();
    private final List<TensorProto> initializers = new ArrayList<>();
    private final Map<String, Feed> feeds = new LinkedHashMap<>();
    private int names;

    Emitter(int opset) {
        this.opset = opset;
    }

    int opset() {
        return opset;
    }

    List<NodeProto> nodes() {
        return nodes;
    }

    List<ValueInfoProto> inputs() {
        return inputs;
    }

    List<TensorProto> initializers() {
        return initializers;
    }

    /** Returns the numbers of a constant that was made here, or that a program is given. */
    Optional<Tensor> numbers(String value) {
        Tensor constant = numbers.get(value);
        return constant == null && feeds.get(value) instanceof Feed.Given given
                ? Optional.of(given.tensor())
                : Optional.ofNullable(constant);
    }

    Map<String, Feed> feeds() {
        return feeds;
    }

    /** Returns a name that no value has; names are counted, so that equal structures get equal ones. */
    String fresh() {
        return "sonde:" + names++;
    }

    String node(String type, List<String> from, AttributeProto... attributes) {
        String name = fresh();
        node(type, from, name, attributes);
        return name;
    }

    void node(String type, List<String> from, String to, AttributeProto... attributes) {
        nodes.add(NodeProto.newBuilder()
                .setOpType(type)
                .setName(to)
                .addAllInput(from)
                .addOutput(to)
                .addAllAttribute(List.of(attributes))
                .build());
    }

    void add(NodeProto node) {
        nodes.add(node);
    }

    /** Returns a constant list of whole numbers that is part of the structure. */
    String ints(long... values) {
        return constant(Tensor.of(values, values.length));
    }

    /** Returns a constant that is part of the structure. */
    String constant(Tensor value) {
        return constants.computeIfAbsent(value, this::initializer);
    }

    private String initializer(Tensor value) {
        String name = fresh();
        numbers.put(name, value);
        initializers.add(tensor(name, value));
        return name;
    }

    /** Returns a tensor as an initialiser. */
    static TensorProto tensor(String name, Tensor value) {
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setName(name)
                .setDataType(ElementTypes.of(value.dtype()))
                .setRawData(ByteString.copyFrom(value.bytes()));
        for (long size : value.shape()) {
            tensor.addDims(size);
        }
        return tensor.build();
    }

    /** Returns a list of whole numbers that may differ between programs of one structure; only its length is structure. */
    String list(List<Long> values) {
        Tensor tensor = Tensor.of(values.stream().mapToLong(Long::longValue).toArray(), values.size());
        return input(DType.INT64, TensorShapes.fixed(values.size()), new Feed.Given(tensor));
    }

    /** Returns a new input for a tensor whose numbers and sizes may differ between programs of one structure. */
    String given(Tensor tensor) {
        return input(tensor.dtype(), TensorShapes.open(tensor.rank()), new Feed.Given(tensor));
    }

    /** Returns a new input for a tensor that the user gave. */
    String constant(int node, Tensor tensor) {
        return input(tensor.dtype(), TensorShapes.open(tensor.rank()), new Feed.Constant(node));
    }

    String foreign(int node, DType dtype, int rank) {
        return input(dtype, TensorShapes.open(rank), new Feed.Foreign(node));
    }

    /** Returns where a step is, in the form that {@code what} says. */
    String where(Feed.Where.What what, int rank, int axis) {
        Feed feed = new Feed.Where(what, rank, axis);
        DType dtype = what == Feed.Where.What.INDEX ? DType.INT64 : DType.BOOL;
        return known(feed).orElseGet(() -> input(dtype, TensorShapes.open(rank), feed));
    }

    /** Returns a buffer of edited values. */
    String buffer(int number, DType dtype, int rank) {
        return input(dtype, TensorShapes.open(rank), new Feed.Buffer(number));
    }

    /** Returns what the step before carried. */
    String carried(String name, int initial, DType dtype, int rank) {
        Feed feed = new Feed.Carried(name, initial);
        return known(feed).orElseGet(() -> input(dtype, TensorShapes.open(rank), feed));
    }

    private java.util.Optional<String> known(Feed feed) {
        return feeds.entrySet().stream()
                .filter(each -> each.getValue().equals(feed))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    private String input(DType dtype, TensorShapeProto shape, Feed feed) {
        String name = fresh();
        TypeProto.Tensor type = TypeProto.Tensor.newBuilder()
                .setElemType(ElementTypes.of(dtype))
                .setShape(shape)
                .build();
        inputs.add(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(type))
                .build());
        feeds.put(name, feed);
        return name;
    }
}
