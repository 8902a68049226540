package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Writes Sonde's operators, which mean what opset 21 means, in the operator set of the emitter. */
final class Operators {
    private final Emitter emitter;
    private final Layout layout;

    Operators(Emitter emitter) {
        this.emitter = emitter;
        this.layout = new Layout(emitter);
    }

    /** Returns the name of the operator's result. */
    String emit(Node.Apply apply, List<String> in, List<ValueType> types) {
        DType own = types.get(0).dtype();
        DType carrier = Carriers.of(apply.operator(), own);
        if (carrier == own) {
            return compute(apply, in, types);
        }
        List<String> carried = in.stream().map(x -> layout.cast(x, carrier)).toList();
        String result = compute(
                apply,
                carried,
                types.stream().map(type -> type.withDType(carrier)).toList());
        return Carriers.keepsType(apply.operator()) ? layout.cast(result, own) : result;
    }

    private String compute(Node.Apply apply, List<String> in, List<ValueType> types) {
        String x = in.get(0);
        int rank = types.get(0).rank();
        return switch (apply.operator()) {
            case NEG -> emitter.node("Neg", in);
            case ABS -> emitter.node("Abs", in);
            case EXP -> emitter.node("Exp", in);
            case LOG -> emitter.node("Log", in);
            case SQRT -> emitter.node("Sqrt", in);
            case RECIPROCAL -> emitter.node("Reciprocal", in);
            case RELU -> relu(x, types.get(0).dtype());
            case SIGMOID -> emitter.node("Sigmoid", in);
            case TANH -> emitter.node("Tanh", in);
            case ERF -> emitter.node("Erf", in);
            case SIN -> emitter.node("Sin", in);
            case COS -> emitter.node("Cos", in);
            case FLOOR -> emitter.node("Floor", in);
            case CEIL -> emitter.node("Ceil", in);
            case ROUND -> emitter.node("Round", in);
            case SIGN -> emitter.node("Sign", in);
            case NOT -> emitter.node("Not", in);
            case IS_NAN -> emitter.node("IsNaN", in);
            case IS_INF -> emitter.node("IsInf", in);
            case ADD -> emitter.node("Add", in);
            case SUB -> emitter.node("Sub", in);
            case MUL -> emitter.node("Mul", in);
            case DIV -> emitter.node("Div", in);
            case POW -> emitter.node("Pow", in);
            case MIN -> extreme("Min", "Less", in, types);
            case MAX -> extreme("Max", "Greater", in, types);
            case EQUAL -> emitter.node("Equal", in);
            case LESS -> emitter.node("Less", in);
            case GREATER -> emitter.node("Greater", in);
            case LESS_OR_EQUAL -> orEqual("Less", in);
            case GREATER_OR_EQUAL -> orEqual("Greater", in);
            case AND -> emitter.node("And", in);
            case OR -> emitter.node("Or", in);
            case WHERE ->
                layout.where(in.get(0), in.get(1), in.get(2), types.get(1).dtype());
            case CAST -> layout.cast(x, DType.parse(text(apply, "dtype")));
            case MATMUL -> emitter.node("MatMul", in);
            case EINSUM -> einsum(text(apply, "equation"), in);
            case SOFTMAX -> softmax("Softmax", x, axis(apply, rank), rank);
            case LOG_SOFTMAX -> softmax("LogSoftmax", x, axis(apply, rank), rank);
            case SUM -> reduce("ReduceSum", 13, apply, x, rank);
            case MEAN -> reduce("ReduceMean", 18, apply, x, rank);
            case REDUCE_MAX -> reduce("ReduceMax", 18, apply, x, rank);
            case REDUCE_MIN -> reduce("ReduceMin", 18, apply, x, rank);
            case PROD -> reduce("ReduceProd", 18, apply, x, rank);
            case L2 -> reduce("ReduceL2", 18, apply, x, rank);
            case LOG_SUM_EXP -> reduce("ReduceLogSumExp", 18, apply, x, rank);
            case ARG_MAX -> argument("ArgMax", x, axis(apply, rank));
            case ARG_MIN -> argument("ArgMin", x, axis(apply, rank));
            case TOP_K_VALUES -> topK(apply, x, rank).get(0);
            case TOP_K_INDICES -> topK(apply, x, rank).get(1);
            case GATHER -> emitter.node("Gather", in, Attributes.of("axis", axis(apply, rank)));
            case GATHER_ALONG -> emitter.node("GatherElements", in, Attributes.of("axis", axis(apply, rank)));
            case SCATTER_ALONG ->
                emitter.node(
                        emitter.opset() < 11 ? "Scatter" : "ScatterElements",
                        in,
                        Attributes.of("axis", axis(apply, rank)));
            case CONCAT -> concat(in, types, axis(apply, rank));
            case STACK -> stack(in, axis(apply, rank + 1));
            case RESHAPE -> emitter.node("Reshape", List.of(x, emitter.list(ints(apply, "shape"))));
            case EXPAND -> emitter.node("Expand", List.of(x, emitter.list(ints(apply, "shape"))));
            case TRANSPOSE -> emitter.node("Transpose", in, Attributes.of("perm", axes(apply, "perm", rank)));
            case UNSQUEEZE -> layout.unsqueeze(x, List.of(axis(apply, rank + 1)));
            case SQUEEZE -> layout.squeeze(x, List.of(axis(apply, rank)));
            case RENAME -> x;
            case CUM_SUM ->
                emitter.node("CumSum", List.of(x, emitter.constant(Tensor.scalar(DType.INT64, axis(apply, rank)))));
            case ONE_HOT -> oneHot(apply, x);
            case STOP_GRADIENT -> stop(x);
        };
    }

    /** Returns the name of one output of an operator that the user named. */
    String emit(Node.Onnx onnx, List<String> in) {
        String name = emitter.fresh();
        NodeProto.Builder node = Attributes.node(onnx).setName(name).addAllInput(in);
        for (int i = 0; i < onnx.output(); i++) {
            node.addOutput(emitter.fresh()); // an output before the wanted one may not be left out
        }
        emitter.add(node.addOutput(name).build());
        return name;
    }

    private String stop(String x) {
        String name = emitter.fresh();
        emitter.add(ai.onnx.proto.OnnxMl.NodeProto.newBuilder()
                .setOpType("Identity")
                .setName(name)
                .setDocString(dev.sonde.onnx.grad.Rules.STOP)
                .addInput(x)
                .addOutput(name)
                .build());
        return name;
    }

    private String relu(String x, DType dtype) {
        return dtype.isFloat()
                ? emitter.node("Relu", List.of(x))
                : emitter.node(
                        "Mul",
                        List.of(
                                x,
                                layout.cast(
                                        emitter.node("Greater", List.of(x, emitter.constant(Tensor.scalar(dtype, 0)))),
                                        dtype)));
    }

    /** Before opset 12 only floating-point numbers had a larger and a smaller one. */
    private String extreme(String type, String comparison, List<String> in, List<ValueType> types) {
        return emitter.opset() >= 12 || types.get(0).dtype().isFloat()
                ? emitter.node(type, in)
                : layout.where(
                        emitter.node(comparison, in),
                        in.get(0),
                        in.get(1),
                        types.get(0).dtype());
    }

    private String orEqual(String strict, List<String> in) {
        if (emitter.opset() >= 12) {
            return emitter.node(strict + "OrEqual", in);
        }
        return emitter.node("Or", List.of(emitter.node(strict, in), emitter.node("Equal", in)));
    }

    private String einsum(String equation, List<String> in) {
        return emitter.opset() < 12
                ? new OldEinsum(emitter, layout, equation).emit(in)
                : emitter.node("Einsum", in, Attributes.of("equation", equation));
    }

    /** Before opset 13 a softmax ran over all axes from the given one on: right for the last axis only. */
    private String softmax(String type, String x, int axis, int rank) {
        if (emitter.opset() >= 13 || axis == rank - 1) {
            return emitter.node(type, List.of(x), Attributes.of("axis", axis));
        }
        List<Integer> swap = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        swap.set(axis, rank - 1);
        swap.set(rank - 1, axis);
        String turned = layout.transpose(x, swap);
        return layout.transpose(emitter.node(type, List.of(turned), Attributes.of("axis", rank - 1)), swap);
    }

    private String reduce(String type, int axesAsInputFrom, Node.Apply apply, String x, int rank) {
        List<Integer> axes = axes(apply, "axes", rank);
        if (axes.isEmpty()) { // ONNX would take all
            return type.equals("ReduceL2") ? emitter.node("Abs", List.of(x)) : x;
        }
        AttributeProto keep = Attributes.of(
                "keepdims", ints(apply, "keep").stream().findFirst().orElse(0L));
        if (emitter.opset() < axesAsInputFrom) {
            return emitter.node(type, List.of(x), Attributes.of("axes", axes), keep);
        }
        return emitter.node(type, List.of(x, layout.axes(axes)), keep);
    }

    private String argument(String type, String x, int axis) {
        return emitter.node(type, List.of(x), Attributes.of("axis", axis), Attributes.of("keepdims", 0));
    }

    private List<String> topK(Node.Apply apply, String x, int rank) {
        String values = emitter.fresh();
        String indices = emitter.fresh();
        emitter.add(NodeProto.newBuilder()
                .setOpType("TopK")
                .setName(values)
                .addInput(x)
                .addInput(emitter.ints(ints(apply, "k").get(0)))
                .addOutput(values)
                .addOutput(indices)
                .addAttribute(Attributes.of("axis", axis(apply, rank)))
                .build());
        return List.of(values, indices);
    }

    /** Rows of different length are padded on the right to the longest. */
    private String concat(List<String> in, List<ValueType> types, int axis) {
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < in.size(); i++) {
            List<Long> missing = new ArrayList<>();
            for (int at = 0; at < types.get(i).rank(); at++) {
                missing.add(axis == 0 && at > 0 ? missing(types, i, at) : 0);
            }
            boolean whole = missing.stream().allMatch(size -> size == 0);
            parts.add(
                    whole
                            ? in.get(i)
                            : layout.padEnd(in.get(i), missing, types.get(i).dtype()));
        }
        return emitter.node("Concat", parts, Attributes.of("axis", axis));
    }

    private static long missing(List<ValueType> types, int of, int axis) {
        long own = types.get(of).dims().get(axis).size();
        long most = types.stream()
                .mapToLong(type -> type.dims().get(axis).size())
                .max()
                .orElse(own);
        return types.get(of).dims().get(axis).isOfPositions() ? most - own : 0;
    }

    private String stack(List<String> in, int axis) {
        List<String> raised =
                in.stream().map(x -> layout.unsqueeze(x, List.of(axis))).toList();
        return emitter.node("Concat", raised, Attributes.of("axis", axis));
    }

    /** ONNX Runtime has few of the combinations of types: this one, and a cast. */
    private String oneHot(Node.Apply apply, String x) {
        String depth =
                emitter.constant(Tensor.scalar(DType.INT64, ints(apply, "depth").get(0)));
        String offOn = emitter.constant(Tensor.of(new float[] {0, 1}, 2));
        String hot = emitter.node("OneHot", List.of(layout.cast(x, DType.INT64), depth, offOn));
        DType wanted = DType.parse(text(apply, "dtype"));
        return wanted == DType.FLOAT32 ? hot : layout.cast(hot, wanted);
    }

    private static int axis(Node.Apply apply, int rank) {
        long axis = ints(apply, "axis").stream().findFirst().orElse(0L);
        return (int) (axis < 0 ? axis + rank : axis);
    }

    private static List<Integer> axes(Node.Apply apply, String name, int rank) {
        return ints(apply, name).stream()
                .map(axis -> (int) (axis < 0 ? axis + rank : axis))
                .distinct()
                .toList();
    }

    private static List<Long> ints(Node.Apply apply, String name) {
        return apply.attributes().getOrDefault(name, List.of());
    }

    private static String text(Node.Apply apply, String name) {
        return apply.texts().getOrDefault(name, "");
    }
}
