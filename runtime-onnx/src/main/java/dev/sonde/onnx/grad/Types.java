package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/** Finds the types of a circuit's values from those of its inputs, as far as numbers known beforehand allow. */
final class Types {
    private final Circuit circuit;
    private final Map<String, Optional<TensorType>> found = new HashMap<>();

    Types(Circuit circuit) {
        this.circuit = circuit;
    }

    void know(String value, TensorType type) {
        found.put(value, Optional.of(type));
    }

    Optional<TensorType> of(String value) {
        Deque<String> open = new ArrayDeque<>(List.of(value));
        while (!open.isEmpty()) {
            String next = open.peek();
            if (found.containsKey(next)) {
                open.pop();
                continue;
            }
            Optional<TensorType> given = circuit.type(next);
            Optional<NodeProto> producer = circuit.producer(next);
            List<String> missing = given.isPresent() || producer.isEmpty()
                    ? List.of()
                    : producer.get().getInputList().stream()
                            .filter(input -> !input.isEmpty() && !found.containsKey(input))
                            .toList();
            if (missing.isEmpty()) {
                open.pop();
                found.put(next, given.or(() -> producer.flatMap(node -> infer(node, next))));
            } else {
                missing.forEach(open::push);
            }
        }
        return found.getOrDefault(value, Optional.empty());
    }

    private Optional<TensorType> known(NodeProto node, int input) {
        return input < node.getInputCount()
                ? found.getOrDefault(node.getInput(input), Optional.empty())
                : Optional.empty();
    }

    private Optional<TensorType> infer(NodeProto node, String value) {
        try {
            return infer(node, node.getOutputList().indexOf(value));
        } catch (IndexOutOfBoundsException e) {
            return Optional.empty(); // a node that is not as the standard has it: nothing is known
        }
    }

    private Optional<TensorType> infer(NodeProto node, int output) {
        Optional<TensorType> x = known(node, 0);
        return switch (node.getOpType()) {
            case "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "PRelu" -> broadcast(node, 0);
            case "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor" ->
                broadcast(node, 0).map(type -> type.with(DType.BOOL));
            case "Where" -> broadcast(node, 1);
            case "Not", "IsNaN", "IsInf" -> x.map(type -> type.with(DType.BOOL));
            case "MatMul" -> x.flatMap(a -> known(node, 1).flatMap(b -> product(a, b)));
            case "Gemm" -> x.flatMap(a -> known(node, 1).map(b -> gemm(node, a, b)));
            case "Cast" -> x.flatMap(type -> cast(node, type));
            case "CastLike" -> x.flatMap(a -> known(node, 1).map(b -> a.with(b.dtype())));
            case "Transpose" -> x.map(type -> transpose(node, type));
            case "Shape" -> x.map(type -> new TensorType(DType.INT64, List.of((long) type.rank())));
            case "Size" -> Optional.of(new TensorType(DType.INT64, List.of()));
            case "Reshape" -> x.flatMap(type -> reshape(node, type));
            case "Expand" -> x.flatMap(type -> expand(node, type));
            case "ConstantOfShape" -> constantOfShape(node);
            case "Gather" -> x.flatMap(a -> known(node, 1).map(b -> gather(node, a, b)));
            case "GatherND" -> x.flatMap(a -> known(node, 1).flatMap(b -> gatherNd(node, a, b)));
            case "Einsum" -> x.flatMap(type -> einsum(node, type));
            case "DepthToSpace", "SpaceToDepth", "GlobalAveragePool", "GlobalMaxPool", "Scatter" ->
                x.map(type -> type.with(unknown(type.rank())));
            case "NonZero" -> x.map(type -> new TensorType(DType.INT64, List.of((long) type.rank(), -1L)));
            case "Range" -> x.map(type -> type.with(unknown(1)));
            case "Tile" -> x.map(type -> tile(node, type));
            case "TopK" -> x.map(type -> topK(node, type, output));
            case "GatherElements" -> x.flatMap(a -> known(node, 1).map(b -> b.with(a.dtype())));
            case "Concat" -> x.flatMap(type -> concat(node, type));
            case "Slice" -> x.map(type -> slice(node, type));
            case "Pad", "Conv", "ConvTranspose", "AveragePool", "MaxPool", "Resize" ->
                x.map(type -> type.with(unknown(type.rank())));
            case "Split" -> x.map(type -> with(type, axis(node, type.rank(), 0), TensorType.UNKNOWN));
            case "Unsqueeze" -> x.flatMap(type -> axes(node).map(axes -> unsqueeze(type, axes)));
            case "Squeeze" -> x.flatMap(type -> axes(node).map(axes -> squeeze(type, axes)));
            case "Flatten" -> x.map(type -> type.with(unknown(2)));
            case "ReduceSum",
                    "ReduceMean",
                    "ReduceMax",
                    "ReduceMin",
                    "ReduceProd",
                    "ReduceL1",
                    "ReduceL2",
                    "ReduceLogSum",
                    "ReduceLogSumExp",
                    "ReduceSumSquare" -> x.flatMap(type -> reduce(node, type));
            case "ArgMax", "ArgMin" -> x.map(type -> argument(node, type));
            case "OneHot" -> x.map(type -> oneHot(node, type));
            case "LayerNormalization" -> x.map(type -> output == 0 ? type : statistics(node, type));
            case "ScatterND", "ScatterElements", "CumSum", "Softmax", "LogSoftmax", "Clip", "Trilu" -> x;
            default -> SAME.contains(node.getOpType()) && output == 0 ? x : Optional.empty();
        };
    }

    private static final java.util.Set<String> SAME = java.util.Set.of(
            "Identity",
            "Neg",
            "Abs",
            "Exp",
            "Log",
            "Sqrt",
            "Reciprocal",
            "Relu",
            "Sigmoid",
            "Tanh",
            "Erf",
            "Sin",
            "Cos",
            "Tan",
            "Asin",
            "Acos",
            "Atan",
            "Sinh",
            "Cosh",
            "Asinh",
            "Acosh",
            "Atanh",
            "Floor",
            "Ceil",
            "Round",
            "Sign",
            "LeakyRelu",
            "Elu",
            "Selu",
            "Celu",
            "Softplus",
            "Softsign",
            "HardSigmoid",
            "HardSwish",
            "Mish",
            "Gelu",
            "FastGelu",
            "QuickGelu",
            "BiasGelu",
            "ThresholdedRelu",
            "Shrink",
            "Swish",
            "Dropout",
            "BatchNormalization",
            "InstanceNormalization",
            "GroupNormalization",
            "LpNormalization",
            "RMSNormalization",
            "Hardmax",
            "SimplifiedLayerNormalization",
            "SkipLayerNormalization",
            "SkipSimplifiedLayerNormalization",
            "MeanVarianceNormalization",
            "LRN",
            "RotaryEmbedding",
            "BitwiseNot");

    private static List<Long> unknown(int rank) {
        return LongStream.range(0, rank).mapToObj(i -> TensorType.UNKNOWN).toList();
    }

    private static TensorType with(TensorType type, int axis, long size) {
        List<Long> dims = new ArrayList<>(type.dims());
        dims.set(axis, size);
        return type.with(dims);
    }

    private Optional<TensorType> broadcast(NodeProto node, int from) {
        Optional<TensorType> all = known(node, from);
        for (int i = from + 1; i < node.getInputCount() && all.isPresent(); i++) {
            Optional<TensorType> next = known(node, i);
            all = all.flatMap(a -> next.map(b -> a.with(broadcast(a.dims(), b.dims()))));
        }
        if (from == 1) { // of Where, whose condition broadcasts too
            Optional<TensorType> condition = known(node, 0);
            all = all.flatMap(a -> condition.map(b -> a.with(broadcast(a.dims(), b.dims()))));
        }
        return all;
    }

    static List<Long> broadcast(List<Long> a, List<Long> b) {
        int rank = Math.max(a.size(), b.size());
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
            long left = i < rank - a.size() ? 1 : a.get(i - rank + a.size());
            long right = i < rank - b.size() ? 1 : b.get(i - rank + b.size());
            boolean open = left == TensorType.UNKNOWN || right == TensorType.UNKNOWN;
            dims.add(
                    open && Math.max(left, right) <= 1
                            ? TensorType.UNKNOWN
                            : left == 1 ? right : Math.max(left, right));
        }
        return dims;
    }

    private static Optional<TensorType> product(TensorType a, TensorType b) {
        if (a.rank() < 2 || b.rank() < 2) {
            return Optional.of(a.with(unknown(Math.max(0, a.rank() + b.rank() - 2))));
        }
        List<Long> lead = broadcast(a.dims().subList(0, a.rank() - 2), b.dims().subList(0, b.rank() - 2));
        List<Long> dims = new ArrayList<>(lead);
        dims.add(a.dims().get(a.rank() - 2));
        dims.add(b.dims().get(b.rank() - 1));
        return Optional.of(a.with(dims));
    }

    private static TensorType gemm(NodeProto node, TensorType a, TensorType b) {
        return a.with(List.of(
                a.dims().get(Attrs.whole(node, "transA", 0) == 0 ? 0 : 1),
                b.dims().get(Attrs.whole(node, "transB", 0) == 0 ? 1 : 0)));
    }

    private TensorType slice(NodeProto node, TensorType type) {
        Optional<List<Long>> starts = list(node, 1);
        Optional<List<Long>> ends = list(node, 2);
        Optional<List<Long>> axes = list(node, 3);
        if (starts.isEmpty() || ends.isEmpty() || axes.isEmpty() || node.getInputCount() > 4) {
            return type.with(unknown(type.rank()));
        }
        TensorType sliced = type;
        for (int i = 0; i < axes.get().size(); i++) {
            int axis = (int)
                    (axes.get().get(i) < 0
                            ? axes.get().get(i) + type.rank()
                            : axes.get().get(i));
            long size = type.dims().get(axis);
            long length = within(ends.get().get(i), size) - within(starts.get().get(i), size);
            sliced = with(sliced, axis, size == TensorType.UNKNOWN ? TensorType.UNKNOWN : Math.max(0, length));
        }
        return sliced;
    }

    /** Returns where an index of a slice is in an axis. */
    static long within(long index, long size) {
        return Math.max(0, Math.min(size, index < 0 ? index + size : index));
    }

    private static Optional<TensorType> cast(NodeProto node, TensorType type) {
        return ElementTypes.dtype((int) Attrs.whole(node, "to", 1)).map(type::with);
    }

    private static TensorType transpose(NodeProto node, TensorType type) {
        List<Long> perm = Attrs.wholes(node, "perm");
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < type.rank(); i++) {
            dims.add(type.dims()
                    .get(perm.isEmpty() ? type.rank() - 1 - i : perm.get(i).intValue()));
        }
        return type.with(dims);
    }

    private Optional<List<Long>> list(NodeProto node, int input) {
        if (input >= node.getInputCount()) {
            return Optional.empty();
        }
        return circuit.numbers(node.getInput(input))
                .map(Tensor::toLongs)
                .map(numbers -> LongStream.of(numbers).boxed().toList());
    }

    private Optional<Integer> length(NodeProto node, int input) {
        return known(node, input)
                .filter(type -> type.rank() == 1 && type.isKnown())
                .map(type -> type.dims().get(0).intValue());
    }

    private Optional<TensorType> reshape(NodeProto node, TensorType type) {
        Optional<List<Long>> to = list(node, 1);
        if (to.isEmpty()) {
            return shapeOf(node.getInput(1), type).or(() -> length(node, 1).map(rank -> type.with(unknown(rank))));
        }
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < to.get().size(); i++) {
            long size = to.get().get(i);
            dims.add(size == 0 && i < type.rank() ? type.dims().get(i) : size);
        }
        int open = dims.indexOf(TensorType.UNKNOWN);
        if (open >= 0 && type.isKnown()) {
            long rest = dims.stream().filter(size -> size != -1).reduce(1L, (a, b) -> a * b);
            long all = type.dims().stream().reduce(1L, (a, b) -> a * b);
            dims.set(open, rest == 0 ? TensorType.UNKNOWN : all / rest);
        }
        return Optional.of(type.with(dims));
    }

    /** A shape that was read from another value. */
    private Optional<TensorType> shapeOf(String shape, TensorType type) {
        return circuit.producer(shape)
                .filter(node -> node.getOpType().equals("Shape") && node.getAttributeCount() == 0)
                .flatMap(node -> found.getOrDefault(node.getInput(0), Optional.empty()))
                .map(other -> type.with(other.dims()));
    }

    private Optional<TensorType> expand(NodeProto node, TensorType type) {
        return list(node, 1)
                .map(to -> type.with(broadcast(type.dims(), to)))
                .or(() -> shapeOf(node.getInput(1), type).map(other -> type.with(broadcast(type.dims(), other.dims()))))
                .or(() -> length(node, 1).map(rank -> type.with(unknown(Math.max(rank, type.rank())))));
    }

    private Optional<TensorType> constantOfShape(NodeProto node) {
        DType dtype = Attrs.find(node, "value")
                .flatMap(value -> ElementTypes.dtype(value.getT().getDataType()))
                .orElse(DType.FLOAT32);
        TensorType type = new TensorType(dtype, List.of());
        return list(node, 0)
                .map(type::with)
                .or(() -> shapeOf(node.getInput(0), type))
                .or(() -> length(node, 0).map(rank -> type.with(unknown(rank))));
    }

    private static TensorType gather(NodeProto node, TensorType a, TensorType b) {
        int axis = axis(node, a.rank(), 0);
        List<Long> dims = new ArrayList<>(a.dims().subList(0, axis));
        dims.addAll(b.dims());
        dims.addAll(a.dims().subList(axis + 1, a.rank()));
        return a.with(dims);
    }

    private Optional<TensorType> einsum(NodeProto node, TensorType type) {
        String[] sides = Attrs.text(node, "equation", "").replace(" ", "").split("->", -1);
        if (sides.length < 2 || sides[0].contains(".")) {
            return Optional.empty();
        }
        Map<Character, Long> sizes = new HashMap<>();
        String[] operands = sides[0].split(",", -1);
        for (int i = 0; i < operands.length; i++) {
            List<Long> dims = known(node, i).map(TensorType::dims).orElse(List.of());
            for (int axis = 0; axis < operands[i].length() && dims.size() == operands[i].length(); axis++) {
                sizes.merge(operands[i].charAt(axis), dims.get(axis), Math::max);
            }
        }
        return Optional.of(type.with(sides[1].chars()
                .mapToObj(letter -> sizes.getOrDefault((char) letter, TensorType.UNKNOWN))
                .toList()));
    }

    private static Optional<TensorType> gatherNd(NodeProto node, TensorType a, TensorType b) {
        long length = b.dims().get(b.rank() - 1);
        if (length == TensorType.UNKNOWN) {
            return Optional.empty();
        }
        List<Long> dims = new ArrayList<>(b.dims().subList(0, b.rank() - 1));
        dims.addAll(a.dims().subList((int) (Attrs.whole(node, "batch_dims", 0) + length), a.rank()));
        return Optional.of(a.with(dims));
    }

    private TensorType tile(NodeProto node, TensorType type) {
        List<Long> repeats = list(node, 1).orElse(unknown(type.rank()));
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < type.rank(); i++) {
            boolean open = repeats.get(i) == TensorType.UNKNOWN || type.dims().get(i) == TensorType.UNKNOWN;
            dims.add(
                    open
                            ? TensorType.UNKNOWN
                            : Long.valueOf(repeats.get(i) * type.dims().get(i)));
        }
        return type.with(dims);
    }

    private TensorType topK(NodeProto node, TensorType type, int output) {
        long k = list(node, 1).map(numbers -> numbers.get(0)).orElse(TensorType.UNKNOWN);
        TensorType picked = with(type, axis(node, type.rank(), -1), k);
        return output == 0 ? picked : picked.with(DType.INT64);
    }

    private Optional<TensorType> concat(NodeProto node, TensorType type) {
        int axis = axis(node, type.rank(), 0);
        long size = 0;
        for (int i = 0; i < node.getInputCount(); i++) {
            long next = known(node, i)
                    .filter(each -> each.rank() == type.rank())
                    .map(each -> each.dims().get(axis))
                    .orElse(TensorType.UNKNOWN);
            size = size == TensorType.UNKNOWN || next == TensorType.UNKNOWN ? TensorType.UNKNOWN : size + next;
        }
        return Optional.of(with(type, axis, size));
    }

    static int axis(NodeProto node, int rank, int otherwise) {
        long axis = Attrs.whole(node, "axis", otherwise);
        return (int) (axis < 0 ? axis + rank : axis);
    }

    /** Returns a node's axes, as attribute or input. */
    Optional<List<Long>> axes(NodeProto node) {
        List<Long> attribute = Attrs.wholes(node, "axes");
        return attribute.isEmpty() ? list(node, 1) : Optional.of(attribute);
    }

    private static TensorType unsqueeze(TensorType type, List<Long> axes) {
        int rank = type.rank() + axes.size();
        List<Integer> at =
                axes.stream().map(axis -> (int) (axis < 0 ? axis + rank : axis)).toList();
        List<Long> dims = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < rank; i++) {
            dims.add(at.contains(i) ? 1L : type.dims().get(next++));
        }
        return type.with(dims);
    }

    private static TensorType squeeze(TensorType type, List<Long> axes) {
        List<Integer> at = axes.stream()
                .map(axis -> (int) (axis < 0 ? axis + type.rank() : axis))
                .toList();
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < type.rank(); i++) {
            if (!at.contains(i)) {
                dims.add(type.dims().get(i));
            }
        }
        return type.with(dims);
    }

    private Optional<TensorType> reduce(NodeProto node, TensorType type) {
        boolean keep = Attrs.whole(node, "keepdims", 1) != 0;
        Optional<List<Long>> axes = axes(node);
        boolean all = axes.isEmpty() && node.getInputCount() < 2;
        if (axes.isEmpty() && !all) {
            return keep ? Optional.of(type.with(unknown(type.rank()))) : Optional.empty();
        }
        List<Long> dims = new ArrayList<>();
        for (int i = 0; i < type.rank(); i++) {
            long at = i;
            long back = i - (long) type.rank();
            boolean reduced = all || axes.get().contains(at) || axes.get().contains(back);
            if (!reduced) {
                dims.add(type.dims().get(i));
            } else if (keep) {
                dims.add(1L);
            }
        }
        return Optional.of(type.with(dims));
    }

    private static TensorType argument(NodeProto node, TensorType type) {
        int axis = axis(node, type.rank(), 0);
        List<Long> dims = new ArrayList<>(type.dims());
        if (Attrs.whole(node, "keepdims", 1) != 0) {
            dims.set(axis, 1L);
        } else {
            dims.remove(axis);
        }
        return new TensorType(DType.INT64, dims);
    }

    private TensorType oneHot(NodeProto node, TensorType type) {
        List<Long> dims = new ArrayList<>(type.dims());
        int axis = axis(node, type.rank() + 1, -1);
        dims.add(axis, list(node, 1).map(depth -> depth.get(0)).orElse(TensorType.UNKNOWN));
        return new TensorType(known(node, 2).map(TensorType::dtype).orElse(DType.FLOAT32), dims);
    }

    private static TensorType statistics(NodeProto node, TensorType type) {
        int axis = axis(node, type.rank(), -1);
        List<Long> dims = new ArrayList<>(type.dims());
        for (int i = axis; i < dims.size(); i++) {
            dims.set(i, 1L);
        }
        return new TensorType(type.dtype() == DType.FLOAT64 ? DType.FLOAT64 : DType.FLOAT32, dims);
    }
}
