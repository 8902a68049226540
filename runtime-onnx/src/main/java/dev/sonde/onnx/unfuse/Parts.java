package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.sonde.DType;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.unfuse.Decomposition.Closed;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** One fused node, and the nodes that are written instead of it. */
final class Parts {
    static final String CONTRIB = "com.microsoft";

    private final NodeProto fused;
    private final int opset;
    private final Known known;
    private final String prefix;
    private final Map<String, AttributeProto> attributes = new LinkedHashMap<>();
    private final List<NodeProto> nodes = new ArrayList<>();
    private final Map<ByteString, String> shared = new LinkedHashMap<>();
    private final List<TensorProto> constants = new ArrayList<>();
    private final Set<String> streams = new LinkedHashSet<>();
    private final Set<String> taken = new HashSet<>();

    Parts(NodeProto fused, int opset, Known known) {
        this.fused = fused;
        this.opset = opset;
        this.known = known;
        this.prefix = fused.getName();
        fused.getAttributeList().forEach(each -> attributes.put(each.getName(), each));
    }

    Fusion fusion() {
        return new Fusion(fused, nodes, constants, streams);
    }

    // What the fused node is.

    int opset() {
        return opset;
    }

    String op() {
        return fused.getOpType();
    }

    String domain() {
        return fused.getDomain();
    }

    List<AttributeProto> attributesBut(Set<String> names) {
        return attributes.values().stream()
                .filter(each -> !names.contains(each.getName()))
                .toList();
    }

    boolean has(int input) {
        return !input(input).isEmpty();
    }

    String input(int place) {
        return place < fused.getInputCount() ? fused.getInput(place) : "";
    }

    boolean gives(int output) {
        return !output(output).isEmpty();
    }

    String output(int place) {
        return place < fused.getOutputCount() ? fused.getOutput(place) : "";
    }

    long number(String attribute, long otherwise) {
        @Nullable AttributeProto found = attributes.get(attribute);
        return found == null ? otherwise : found.getI();
    }

    float real(String attribute, float otherwise) {
        @Nullable AttributeProto found = attributes.get(attribute);
        return found == null ? otherwise : found.getF();
    }

    String text(String attribute, String otherwise) {
        @Nullable AttributeProto found = attributes.get(attribute);
        return found == null ? otherwise : found.getS().toStringUtf8();
    }

    List<Long> numbers(String attribute) {
        @Nullable AttributeProto found = attributes.get(attribute);
        return found == null ? List.of() : found.getIntsList();
    }

    /** Returns the rank of an input, which must be known. */
    int rank(int input) {
        int rank = known.rank(input(input));
        require(rank >= 0, "the rank of its input '" + input(input) + "' is unknown");
        return rank;
    }

    /** Returns the fixed size of an input's axis. */
    long size(int input, int axis) {
        long size = known.size(input(input), axis);
        require(size >= 0, "the size of axis " + axis + " of its input '" + input(input) + "' is not fixed");
        return size;
    }

    /** Returns the type of an input. */
    DType dtype(int input) {
        return known.dtype(input(input))
                .orElseThrow(() -> new Closed("the type of its input '" + input(input) + "' is unknown"));
    }

    /** Leaves the operator closed unless a condition holds. */
    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new Closed(otherwise);
        }
    }

    /** Leaves the operator closed if it has one of these inputs. */
    void refuseInputs(int... places) {
        for (int place : places) {
            require(!has(place), "its input " + place + " is not known here");
        }
    }

    /** Leaves the operator closed if it makes one of these outputs. */
    void refuseOutputs(int... places) {
        for (int place : places) {
            require(!gives(place), "its output " + place + " is not known here");
        }
    }

    // What is written.

    /** Writes a standard operator and returns the name of its result. */
    String add(String label, String op, List<String> inputs, AttributeProto... attributes) {
        String name = free(label);
        return write(name, "", op, inputs, List.of(name), attributes).get(0);
    }

    /** Writes a standard operator that makes a value of a given name. */
    String into(String output, String label, String op, List<String> inputs, AttributeProto... attributes) {
        return into(output, label, "", op, inputs, attributes);
    }

    /** Writes an operator of another domain. */
    String into(String output, String label, String domain, String op, List<String> in, AttributeProto... attributes) {
        return write(free(label), domain, op, in, List.of(output), attributes).get(0);
    }

    /** Writes the sum that ends the module before this operator; it makes a value of a given name if that is not empty. */
    String stream(String output, String label, String a, String b) {
        String name = free(label);
        streams.add(name);
        return write(name, "", "Add", List.of(a, b), List.of(output.isEmpty() ? name : output))
                .get(0);
    }

    private String free(String label) {
        String name = prefix + "." + label;
        for (int n = 2; !taken.add(name); n++) {
            name = prefix + "." + label + n;
        }
        return name;
    }

    private List<String> write(
            String name, String domain, String op, List<String> in, List<String> to, AttributeProto... attributes) {
        NodeProto.Builder node = NodeProto.newBuilder()
                .setName(name)
                .setDomain(domain)
                .setOpType(op)
                .addAllInput(in)
                .addAllOutput(to)
                .addAllAttribute(List.of(attributes));
        if (!streams.contains(name)) {
            node.addAllMetadataProps(fused.getMetadataPropsList());
        }
        nodes.add(node.build());
        return to;
    }

    /** Divides an axis. */
    List<String> split(String label, String value, int axis, List<Long> sizes) {
        String name = free(label);
        List<String> to = LongStream.range(0, sizes.size())
                .mapToObj(i -> free(label + ".part" + i))
                .toList();
        return opset < 13
                ? write(name, "", "Split", List.of(value), to, of("axis", axis), of("split", sizes))
                : write(name, "", "Split", List.of(value, ints(sizes)), to, of("axis", axis));
    }

    String reshape(String label, String value, long... shape) {
        return add(label, "Reshape", List.of(value, ints(shape)));
    }

    String transpose(String label, String value, long... perm) {
        return add(label, "Transpose", List.of(value), of("perm", longs(perm)));
    }

    String unsqueeze(String label, String value, long... axes) {
        return withAxes(label, "Unsqueeze", value, axes);
    }

    String squeeze(String label, String value, long... axes) {
        return withAxes(label, "Squeeze", value, axes);
    }

    private String withAxes(String label, String op, String value, long... axes) {
        return opset < 13
                ? add(label, op, List.of(value), of("axes", longs(axes)))
                : add(label, op, List.of(value, ints(axes)));
    }

    String cast(String label, String value, DType to) {
        return add(label, "Cast", List.of(value), of("to", ElementTypes.of(to)));
    }

    String concat(String label, int axis, String... values) {
        return add(label, "Concat", List.of(values), of("axis", axis));
    }

    /** Returns indices {@code start} to {@code end} of an axis. */
    String slice(String label, String value, int axis, long start, long end) {
        return slice(label, value, axis, ints(start), ints(end));
    }

    String slice(String label, String value, int axis, String start, String end) {
        return add(label, "Slice", List.of(value, start, end, ints(axis)));
    }

    /** Returns the sum over an axis, without that axis. */
    String sum(String label, String value, int axis) {
        return opset < 13
                ? add(label, "ReduceSum", List.of(value), of("axes", longs(axis)), of("keepdims", 0))
                : add(label, "ReduceSum", List.of(value, ints(axis)), of("keepdims", 0));
    }

    /** Returns the mean over the last axis, which stays as one of size 1. */
    String mean(String label, String value) {
        return opset < 18
                ? add(label, "ReduceMean", List.of(value), of("axes", longs(-1)))
                : add(label, "ReduceMean", List.of(value, ints(-1)));
    }

    /** Returns the size of one axis as a list of one number. */
    String sizeOf(String label, String value, int axis) {
        String shape = add(label + ".shape", "Shape", List.of(value));
        return add(label, "Gather", List.of(shape, ints(axis)), of("axis", 0));
    }

    /** Returns 0, 1, ... below a number, which is a list of one. */
    String range(String label, String below) {
        String end = squeeze(label + ".end", below, 0);
        return add(label, "Range", List.of(scalar(0, DType.INT64), end, scalar(1, DType.INT64)));
    }

    String ints(List<Long> values) {
        return ints(values.stream().mapToLong(Long::longValue).toArray());
    }

    String ints(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        LongStream.of(values).forEach(bytes::putLong);
        return constant(DType.INT64, List.of((long) values.length), bytes);
    }

    /** Returns a constant of one element without axes. */
    String scalar(double value, DType dtype) {
        ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        switch (dtype) {
            case FLOAT32 -> bytes.putFloat((float) value);
            case FLOAT64 -> bytes.putDouble(value);
            case INT64 -> bytes.putLong((long) value);
            case INT32 -> bytes.putInt((int) value);
            case FLOAT16 -> bytes.putShort(ai.onnxruntime.platform.Fp16Conversions.floatToFp16((float) value));
            default -> throw new Closed("it computes with " + dtype);
        }
        return constant(dtype, List.of(), bytes);
    }

    /** Returns the lowest number that a type has: what a softmax makes 0 of. */
    String lowest(DType dtype) {
        return scalar(
                dtype == DType.FLOAT16 ? -65504 : dtype == DType.FLOAT64 ? -Double.MAX_VALUE : -Float.MAX_VALUE, dtype);
    }

    private String constant(DType dtype, List<Long> dims, ByteBuffer bytes) {
        TensorProto tensor = TensorProto.newBuilder()
                .setDataType(ElementTypes.of(dtype))
                .addAllDims(dims)
                .setRawData(ByteString.copyFrom(bytes.flip()))
                .build();
        return shared.computeIfAbsent(tensor.toByteString(), unused -> {
            String name = prefix + ".constant" + constants.size();
            constants.add(tensor.toBuilder().setName(name).build());
            return name;
        });
    }

    static List<Long> longs(long... values) {
        return LongStream.of(values).boxed().toList();
    }

    static AttributeProto of(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value)
                .build();
    }

    static AttributeProto of(String name, List<Long> values) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INTS)
                .addAllInts(values)
                .build();
    }

    static AttributeProto of(String name, float value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.FLOAT)
                .setF(value)
                .build();
    }
}
