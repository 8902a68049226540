package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Adds nodes to a circuit, in the form that its operator set wants; equal nodes are added once. */
final class Ops {
    private static final Set<DType> CHOOSABLE = Set.of(DType.FLOAT32, DType.FLOAT64);

    private final Circuit circuit;
    private final Types types;
    private final Map<NodeProto, String> made = new HashMap<>();

    Ops(Circuit circuit) {
        this.circuit = circuit;
        this.types = new Types(circuit);
    }

    int opset() {
        return circuit.opset();
    }

    Optional<NodeProto> producer(String value) {
        return circuit.producer(value);
    }

    Optional<Tensor> numbers(String value) {
        return circuit.numbers(value);
    }

    Optional<TensorType> type(String value) {
        return types.of(value);
    }

    /** Says what type a value has. */
    void know(String value, TensorType type) {
        types.know(value, type);
    }

    Optional<List<Long>> axes(NodeProto node) {
        return types.axes(node);
    }

    String node(String type, List<String> in, AttributeProto... attributes) {
        return nodes("", type, 1, in, attributes).get(0);
    }

    /** Returns the names of a node's outputs. */
    List<String> nodes(String domain, String type, int outputs, List<String> in, AttributeProto... attributes) {
        NodeProto.Builder node = NodeProto.newBuilder()
                .setDomain(domain)
                .setOpType(type)
                .addAllInput(in)
                .addAllAttribute(List.of(attributes));
        NodeProto key = node.build();
        String first = made.computeIfAbsent(key, unused -> {
            String name = circuit.fresh();
            node.setName(name).addAllOutput(outputs(name, outputs));
            circuit.add(node.build());
            return name;
        });
        return outputs(first, outputs);
    }

    private static List<String> outputs(String name, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> i == 0 ? name : name + ":" + i)
                .toList();
    }

    // Arithmetic.

    String add(String a, String b) {
        return node("Add", List.of(a, b));
    }

    String sub(String a, String b) {
        return node("Sub", List.of(a, b));
    }

    String mul(String a, String b) {
        return node("Mul", List.of(a, b));
    }

    String div(String a, String b) {
        return node("Div", List.of(a, b));
    }

    String neg(String a) {
        return node("Neg", List.of(a));
    }

    String one(String type, String a) {
        return node(type, List.of(a));
    }

    String square(String a) {
        return mul(a, a);
    }

    /** Returns -1, 0 or 1, which do not change with small changes. */
    String sign(String a) {
        return marked("Sign", Rules.STOP, List.of(a));
    }

    /** Returns a value whose gradient says something of itself. */
    String marked(String type, String mark, List<String> in) {
        NodeProto key = NodeProto.newBuilder()
                .setOpType(type)
                .setDocString(mark)
                .addAllInput(in)
                .build();
        return made.computeIfAbsent(key, unused -> {
            String name = circuit.fresh();
            circuit.add(key.toBuilder().setName(name).addOutput(name).build());
            return name;
        });
    }

    String times(String a, double factor) {
        return factor == 1 ? a : mul(a, scalar(a, factor));
    }

    String plus(String a, double summand) {
        return add(a, scalar(a, summand));
    }

    /** Returns {@code number - a}. */
    String from(double number, String a) {
        return sub(scalar(a, number), a);
    }

    String sum(List<String> parts) {
        return parts.size() == 1
                ? parts.get(0)
                : parts.size() == 2 ? add(parts.get(0), parts.get(1)) : node("Sum", parts);
    }

    // Constants.

    DType dtype(String value) {
        return type(value).map(TensorType::dtype).orElse(DType.FLOAT32);
    }

    /** Returns a number of the type of {@code like}. */
    String scalar(String like, double number) {
        return circuit.constant(Tensor.scalar(dtype(like), number));
    }

    String ints(long... values) {
        return circuit.constant(Tensor.of(values, values.length));
    }

    String ints(List<Long> values) {
        return ints(values.stream().mapToLong(Long::longValue).toArray());
    }

    String scalarInt(long number) {
        return circuit.constant(Tensor.scalar(DType.INT64, (double) number));
    }

    String floats(float... values) {
        return circuit.constant(Tensor.of(values, values.length));
    }

    /** Returns a list of sizes that is not part of the structure. */
    String sizes(long... sizes) {
        return circuit.sizes(LongStream.of(sizes).boxed().toList());
    }

    String sizes(List<Long> sizes) {
        return circuit.sizes(sizes);
    }

    /** Returns the whole numbers below one. */
    String range(String end) {
        return node("Range", List.of(scalarInt(0), end, scalarInt(1)));
    }

    // Form.

    int rank(String value) {
        return type(value)
                .orElseThrow(() -> new SondeException(
                        "unknown-rank",
                        "The backward pass needs the number of axes of '" + value + "'"
                                + producer(value)
                                        .map(node -> " (made by " + node.getOpType() + ")")
                                        .orElse("")
                                + ", which is not known before it runs"))
                .rank();
    }

    long size(String value, int axis) {
        return type(value).map(type -> type.dims().get(axis)).orElse(TensorType.UNKNOWN);
    }

    /** Returns a value's sizes, computed only where they are not known. */
    String shape(String value) {
        Optional<TensorType> type = type(value).filter(TensorType::isKnown);
        return type.isPresent() ? circuit.sizes(type.get().dims()) : node("Shape", List.of(value));
    }

    boolean sameShape(String a, String b) {
        Optional<TensorType> left = type(a).filter(TensorType::isKnown);
        return left.isPresent() && left.map(TensorType::dims).equals(type(b).map(TensorType::dims));
    }

    String reshapeAs(String x, String like) {
        return sameShape(x, like) ? x : node("Reshape", List.of(x, shape(like)));
    }

    String reshape(String x, long... to) {
        return node("Reshape", List.of(x, ints(to)));
    }

    String expandAs(String x, String like) {
        return sameShape(x, like) ? x : node("Expand", List.of(x, shape(like)));
    }

    /** Returns a value with so many zeros around it: first those before each axis, then those behind. */
    String padded(String x, List<Long> pads) {
        return opset() < 11
                ? node("Pad", List.of(x), Attrs.of("pads", pads))
                : node("Pad", List.of(x, circuit.sizes(pads)));
    }

    /** Returns a value with the sizes of {@code like} and one number everywhere. */
    String filled(String like, double number) {
        return filledAt(like, number, shape(like));
    }

    /** Returns a value of the type of {@code like} and of that shape, with one number everywhere. */
    String filledWith(String like, double number, List<Long> shape) {
        return filledAt(like, number, ints(shape));
    }

    private String filledAt(String like, double number, String shape) {
        DType dtype = dtype(like);
        Tensor value = Tensor.scalar(dtype, number);
        TensorProto proto = TensorProto.newBuilder()
                .addDims(1)
                .setDataType(ElementTypes.of(dtype))
                .setRawData(ByteString.copyFrom(value.bytes()))
                .build();
        return node(
                "ConstantOfShape",
                List.of(shape),
                AttributeProto.newBuilder()
                        .setName("value")
                        .setType(AttributeProto.AttributeType.TENSOR)
                        .setT(proto)
                        .build());
    }

    String zeros(String like) {
        return filled(like, 0);
    }

    String transpose(String x, List<Long> perm) {
        if (perm.equals(LongStream.range(0, perm.size()).boxed().toList())) {
            return x;
        }
        Optional<NodeProto> before = producer(x)
                .filter(node -> node.getOpType().equals("Transpose")
                        && Attrs.wholes(node, "perm").size() == perm.size());
        if (before.isPresent()) {
            List<Long> first = Attrs.wholes(before.get(), "perm");
            List<Long> both =
                    perm.stream().map(axis -> first.get(axis.intValue())).toList();
            if (both.equals(LongStream.range(0, perm.size()).boxed().toList())) {
                return before.get().getInput(0);
            }
            return node("Transpose", List.of(before.get().getInput(0)), Attrs.of("perm", both));
        }
        return node("Transpose", List.of(x), Attrs.of("perm", perm));
    }

    /** Returns a matrix, or a stack of them, turned about. */
    String turned(String x) {
        int rank = rank(x);
        List<Long> perm = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        perm.set(rank - 2, rank - 1L);
        perm.set(rank - 1, rank - 2L);
        return transpose(x, perm);
    }

    String cast(String x, DType to) {
        return dtype(x) == to && type(x).isPresent()
                ? x
                : node("Cast", List.of(x), Attrs.of("to", (long) ElementTypes.of(to)));
    }

    String castAs(String x, String like) {
        return cast(x, dtype(like));
    }

    String unsqueeze(String x, List<Long> axes) {
        return withAxes("Unsqueeze", 13, x, axes);
    }

    String squeeze(String x, List<Long> axes) {
        return withAxes("Squeeze", 13, x, axes);
    }

    private String withAxes(String type, int asInput, String x, List<Long> axes, AttributeProto... more) {
        if (axes.isEmpty()) {
            return x;
        }
        if (opset() >= asInput) {
            return node(type, List.of(x, ints(axes)), more);
        }
        AttributeProto[] all = java.util.Arrays.copyOf(more, more.length + 1);
        all[more.length] = Attrs.of("axes", axes);
        return node(type, List.of(x), all);
    }

    String slice(String x, long axis, long start, long end) {
        return node("Slice", List.of(x, ints(start), ints(end), ints(axis)));
    }

    /** Returns the part of an axis between two values, each a list of one number. */
    String slice(String x, long axis, String start, String end) {
        return node("Slice", List.of(x, start, end, ints(axis)));
    }

    String concat(List<String> parts, long axis) {
        return node("Concat", parts, Attrs.of("axis", axis));
    }

    // Choice.

    /** Returns {@code x} where a mask of booleans holds, elsewhere 0. */
    String masked(String mask, String x) {
        return CHOOSABLE.contains(dtype(x)) && opset() >= 9
                ? node("Where", List.of(mask, x, scalar(x, 0)))
                : mul(x, cast(mask, dtype(x)));
    }

    String greater(String a, String b) {
        return node("Greater", List.of(a, b));
    }

    String less(String a, String b) {
        return node("Less", List.of(a, b));
    }

    String equal(String a, String b) {
        return node("Equal", List.of(a, b));
    }

    String not(String a) {
        return node("Not", List.of(a));
    }

    // Sums.

    String reduce(String type, String x, List<Long> axes, boolean keep) {
        int asInput = type.equals("ReduceSum") ? 13 : 18;
        return withAxes(type, asInput, x, axes, Attrs.of("keepdims", keep ? 1L : 0L));
    }

    String reduceSum(String x, List<Long> axes, boolean keep) {
        return reduce("ReduceSum", x, axes, keep);
    }

    String reduceSum(String x, long axis) {
        return reduceSum(x, List.of(axis), true);
    }

    String reduceMean(String x, long axis) {
        return reduce("ReduceMean", x, List.of(axis), true);
    }

    /** Returns {@code g} summed over the axes along which {@code x} was repeated to get its shape. */
    String sumTo(String g, String x) {
        Optional<TensorType> from = type(g).filter(TensorType::isKnown);
        Optional<TensorType> to = type(x).filter(TensorType::isKnown);
        return from.isPresent() && to.isPresent()
                ? sumTo(g, from.get().dims(), to.get().dims(), x)
                : sumWhileRunning(g, x);
    }

    private String sumTo(String g, List<Long> from, List<Long> to, String x) {
        if (from.equals(to)) {
            return g;
        }
        int lead = from.size() - to.size();
        List<Long> axes = new ArrayList<>();
        for (int i = 0; i < from.size(); i++) {
            if (i < lead || (to.get(i - lead) == 1 && from.get(i) != 1)) {
                axes.add((long) i);
            }
        }
        return reshapeAs(reduceSum(g, axes, lead == 0), x);
    }

    /** Finds the repeated axes when it runs. */
    private String sumWhileRunning(String g, String x) {
        if (opset() < 13) {
            throw new SondeException(
                    "unknown-rank",
                    "The backward pass needs the sizes of '" + x
                            + "', which are not known before it runs: expected a file of opset 13 or later");
        }
        String from = node("Shape", List.of(g));
        String to = node("Shape", List.of(x));
        String one = circuit.constant(Tensor.scalar(DType.INT64, 1));
        String missing = sub(node("Size", List.of(from)), node("Size", List.of(to)));
        String ones = node("Expand", List.of(one, unsqueeze(missing, List.of(0L))));
        String padded = concat(List.of(ones, to), 0);
        String differs = not(equal(padded, from));
        String axes = squeeze(node("NonZero", List.of(differs)), List.of(0L));
        String summed =
                node("ReduceSum", List.of(g, axes), Attrs.of("keepdims", 1L), Attrs.of("noop_with_empty_axes", 1L));
        return node("Reshape", List.of(summed, to));
    }

    // Products.

    /** Returns the product of {@code a} and the turned {@code b}; a matrix of weights is read as it lies. */
    String productTurned(String a, String b) {
        if (rank(b) == 2 && rank(a) >= 2) {
            boolean flat = rank(a) == 2;
            String rows = flat ? a : flat(a);
            String product = node("Gemm", List.of(rows, b), Attrs.of("transB", 1L));
            return flat ? product : unflat(product, a, b, 0);
        }
        return node("MatMul", List.of(a, turned(b)));
    }

    /** Returns a stack of matrices as one matrix of all their rows. */
    String flat(String a) {
        long columns = size(a, rank(a) - 1);
        if (columns != TensorType.UNKNOWN) {
            return reshape(a, -1, columns);
        }
        return node("Flatten", List.of(a), Attrs.of("axis", rank(a) - 1L));
    }

    /** Undoes {@link #flat} for a product whose rows are those of {@code rows} and whose columns axis {@code axis} of b counts. */
    private String unflat(String product, String rows, String b, int axis) {
        List<Long> dims = new ArrayList<>(type(rows).orElseThrow().dims());
        dims.set(dims.size() - 1, size(b, axis));
        if (!dims.contains(TensorType.UNKNOWN)) {
            return node("Reshape", List.of(product, circuit.sizes(dims)));
        }
        String lead = slice(node("Shape", List.of(rows)), 0, 0, dims.size() - 1L);
        String last = slice(node("Shape", List.of(product)), 0, 1, 2);
        return node("Reshape", List.of(product, concat(List.of(lead, last), 0)));
    }
}
