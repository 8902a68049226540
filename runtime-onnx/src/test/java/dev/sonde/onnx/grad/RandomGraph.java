package dev.sonde.onnx.grad;

import dev.sonde.DType;
import dev.sonde.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Makes a small graph of operators that have gradients: each reads what others made, with shapes and attributes by chance. */
final class RandomGraph {
    private static final int LARGE = 200;

    private final Trial t;
    private final Map<String, long[]> shapes = new LinkedHashMap<>();
    private final Set<String> unread = new LinkedHashSet<>();
    private final List<Runnable> steps;

    private RandomGraph(Trial t) {
        this.t = t;
        this.steps = new ArrayList<>(List.of(
                this::smooth,
                this::smooth,
                this::bent,
                this::two,
                this::two,
                this::quotient,
                this::product,
                this::linear,
                this::batchedProduct,
                this::reduction,
                this::reduction,
                this::softmax,
                this::norm,
                this::transpose,
                this::reshape,
                this::unsqueeze,
                this::flatten,
                this::expand,
                this::tile,
                this::concat,
                this::split,
                this::slice,
                this::pad,
                this::gather,
                this::gatherNd,
                this::gatherElements,
                this::scatter,
                this::where,
                this::cumulative,
                this::triangle,
                this::einsum,
                this::largest,
                this::convolution));
        if (t.dtype == DType.FLOAT32) {
            steps.addAll(List.of(this::fused, this::fused, this::skipNorm));
        }
    }

    /** Fills a trial with a graph of so many operators. */
    static void make(Trial trial, int operators) {
        new RandomGraph(trial).make(operators);
    }

    private void make(int operators) {
        for (int i = 0; i < 2; i++) {
            long[] shape = t.sizes(t.below(2, 4));
            put(t.x(shape), shape);
        }
        while (t.nodes.size() < operators) {
            t.pick(steps).run();
        }
        unread.stream().filter(name -> !t.inputs.containsKey(name)).forEach(t.outputs::add);
    }

    // Values.

    private void put(String name, long... shape) {
        shapes.put(name, shape);
        unread.add(name);
    }

    /** Returns a value, an unread one more often. */
    private String any() {
        String name = t.below(0, 3) > 0 && !unread.isEmpty()
                ? t.pick(List.copyOf(unread))
                : t.pick(List.copyOf(shapes.keySet()));
        return name;
    }

    private String any(int least, int most) {
        for (int tries = 0; tries < 8; tries++) {
            String name = any();
            if (of(name).length >= least && of(name).length <= most) {
                return name;
            }
        }
        long[] shape = t.sizes(Math.max(least, Math.min(most, 2)));
        String name = t.x(shape);
        put(name, shape);
        return name;
    }

    private long[] of(String name) {
        return java.util.Objects.requireNonNull(shapes.get(name));
    }

    private String node(long[] shape, String type, List<String> in, ai.onnx.proto.OnnxMl.AttributeProto... attributes) {
        return node("", shape, type, in, attributes);
    }

    private String node(
            String domain,
            long[] shape,
            String type,
            List<String> in,
            ai.onnx.proto.OnnxMl.AttributeProto... attributes) {
        String name = t.node(domain, type, 1, in, attributes);
        unread.removeAll(in);
        put(name, shape);
        return name;
    }

    /** Returns an axis, counted from either end. */
    private long axis(int rank) {
        int axis = t.below(0, rank);
        return t.coin() ? axis : axis - rank;
    }

    private static int at(long axis, int rank) {
        return (int) (axis < 0 ? axis + rank : axis);
    }

    private static long[] with(long[] shape, int axis, long size) {
        long[] copy = shape.clone();
        copy[axis] = size;
        return copy;
    }

    private String numbers(long... shape) {
        return t.coin()
                ? t.constant(Trial.Numbers.floats(t.dtype, t::normal, shape))
                : remembered(t.x(() -> t.normal() / 2, shape), shape);
    }

    private String remembered(String name, long... shape) {
        shapes.put(name, shape);
        return name;
    }

    private String ints(long... values) {
        return t.ints(true, values);
    }

    // Operators.

    private void smooth() {
        String x = any();
        List<String> types =
                new ArrayList<>(List.of("Tanh", "Sigmoid", "Sin", "Cos", "Erf", "Softplus", "Neg", "Atan"));
        if (t.opset >= 20) {
            types.add("Gelu");
        }
        node(of(x), t.pick(types), List.of(x));
    }

    private void bent() {
        String x = any();
        node(of(x), t.pick(List.of("Relu", "LeakyRelu", "Elu", "Abs", "HardSigmoid")), List.of(x));
    }

    private long[] fitting(long... shape) {
        long[] fit = Arrays.copyOfRange(shape, t.below(0, shape.length + 1), shape.length);
        for (int i = 0; i < fit.length; i++) {
            fit[i] = t.below(0, 3) == 0 ? 1 : fit[i];
        }
        return fit;
    }

    private void two() {
        String x = any();
        String y = t.coin() ? x : numbers(fitting(of(x)));
        List<String> in = t.coin() ? List.of(x, y) : List.of(y, x);
        node(of(x), t.pick(List.of("Add", "Sub", "Mul", "Min", "Max", "Mean", "Sum")), in);
    }

    private void quotient() {
        String x = any();
        String y = node(of(x), "Softplus", List.of(any1(x)));
        String far = node(of(x), "Add", List.of(y, t.scalar(0.5)));
        node(of(x), t.pick(List.of("Div", "Mul")), List.of(x, far));
        if (t.coin()) {
            node(of(x), t.pick(List.of("Sqrt", "Log", "Reciprocal")), List.of(far));
        }
    }

    private String any1(String like) {
        List<String> same = shapes.keySet().stream()
                .filter(name -> Arrays.equals(of(name), of(like)))
                .toList();
        return t.pick(same);
    }

    private void product() {
        String x = any(2, 4);
        long[] shape = of(x);
        long columns = t.below(1, 4);
        String w = numbers(shape[shape.length - 1], columns);
        node(with(shape, shape.length - 1, columns), "MatMul", List.of(x, w));
    }

    private void linear() {
        String x = any(2, 2);
        boolean a = t.coin();
        boolean b = t.coin();
        long rows = of(x)[a ? 1 : 0];
        long terms = of(x)[a ? 0 : 1];
        long columns = t.below(1, 4);
        List<String> in = new ArrayList<>(List.of(x, b ? numbers(columns, terms) : numbers(terms, columns)));
        if (t.coin()) {
            in.add(numbers(t.coin() ? new long[] {columns} : new long[] {rows, 1}));
        }
        node(
                new long[] {rows, columns},
                "Gemm",
                in,
                Attrs.of("transA", a ? 1L : 0L),
                Attrs.of("transB", b ? 1L : 0L),
                Attrs.of("alpha", 0.7),
                Attrs.of("beta", 1.3));
    }

    private void batchedProduct() {
        String x = any(3, 4);
        long[] shape = of(x);
        int rank = shape.length;
        List<Long> perm = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        java.util.Collections.swap(perm, rank - 1, rank - 2);
        long[] turned = with(with(shape, rank - 1, shape[rank - 2]), rank - 2, shape[rank - 1]);
        String y = node(turned, "Transpose", List.of(any1(x)), Attrs.of("perm", perm));
        node(with(shape, rank - 1, shape[rank - 2]), "MatMul", List.of(x, y));
    }

    private void reduction() {
        String x = any(1, 4);
        long[] shape = of(x);
        boolean keep = t.coin();
        long axis = axis(shape.length);
        boolean all = t.below(0, 5) == 0;
        String type = t.pick(
                List.of("ReduceSum", "ReduceMean", "ReduceLogSumExp", "ReduceSumSquare", "ReduceMax", "ReduceMin"));
        long[] reduced = IntStream.range(0, shape.length)
                .filter(i -> keep || !(all || i == at(axis, shape.length)))
                .mapToLong(i -> all || i == at(axis, shape.length) ? 1 : shape[i])
                .toArray();
        boolean asInput = t.opset >= (type.equals("ReduceSum") ? 13 : 18);
        List<String> in = new ArrayList<>(List.of(x));
        List<ai.onnx.proto.OnnxMl.AttributeProto> attributes =
                new ArrayList<>(List.of(Attrs.of("keepdims", keep ? 1L : 0L)));
        if (!all && asInput) {
            in.add(ints(axis));
        } else if (!all) {
            attributes.add(Attrs.of("axes", List.of(axis)));
        }
        node(reduced, type, in, attributes.toArray(ai.onnx.proto.OnnxMl.AttributeProto[]::new));
    }

    private void softmax() {
        String x = any(1, 4);
        node(of(x), t.pick(List.of("Softmax", "LogSoftmax")), List.of(x), Attrs.of("axis", axis(of(x).length)));
    }

    private void norm() {
        String x = any(2, 4);
        long width = of(x)[of(x).length - 1];
        if (width < 2) {
            return;
        }
        List<String> in = new ArrayList<>(List.of(x, numbers(width)));
        if (t.coin()) {
            in.add(numbers(width));
        }
        node(of(x), "LayerNormalization", in, Attrs.of("axis", -1L), Attrs.of("epsilon", 0.1));
    }

    private void transpose() {
        String x = any(2, 4);
        long[] shape = of(x);
        List<Integer> perm =
                new ArrayList<>(IntStream.range(0, shape.length).boxed().toList());
        java.util.Collections.shuffle(perm, t.random);
        node(
                perm.stream().mapToLong(i -> shape[i]).toArray(),
                "Transpose",
                List.of(x),
                Attrs.of("perm", perm.stream().map(Integer::longValue).toList()));
    }

    private void reshape() {
        String x = any(1, 4);
        long count = Trial.Numbers.count(of(x));
        long part = count % 3 == 0 ? 3 : count % 2 == 0 ? 2 : 1;
        long[] to = t.coin() ? new long[] {part, count / part} : new long[] {1, count / part, part};
        long[] written = to.clone();
        if (t.coin()) {
            written[t.below(0, to.length)] = -1;
        }
        node(to, "Reshape", List.of(x, ints(written)));
    }

    private void unsqueeze() {
        String x = any(1, 3);
        long[] shape = of(x);
        int axis = t.below(0, shape.length + 1);
        long[] wide = new long[shape.length + 1];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = i == axis ? 1 : shape[i < axis ? i : i - 1];
        }
        String made = node(wide, "Unsqueeze", List.of(x, ints(t.coin() ? axis : axis - wide.length)));
        if (t.coin()) {
            node(shape, "Squeeze", List.of(made, ints(axis)));
        }
    }

    private void flatten() {
        String x = any(2, 4);
        int axis = t.below(1, of(x).length);
        long rows = Trial.Numbers.count(Arrays.copyOf(of(x), axis));
        node(new long[] {rows, Trial.Numbers.count(of(x)) / rows}, "Flatten", List.of(x), Attrs.of("axis", (long)
                axis));
    }

    private void expand() {
        String x = any(1, 3);
        long[] shape = of(x);
        long[] to = new long[shape.length + 1];
        to[0] = 2;
        for (int i = 0; i < shape.length; i++) {
            to[i + 1] = shape[i] == 1 && t.coin() ? 3 : shape[i];
        }
        if (Trial.Numbers.count(to) <= LARGE) {
            node(to, "Expand", List.of(x, ints(to)));
        }
    }

    private void tile() {
        String x = any(1, 3);
        long[] repeats = LongStream.of(of(x)).map(size -> t.below(1, 3)).toArray();
        long[] to = IntStream.range(0, repeats.length)
                .mapToLong(i -> repeats[i] * of(x)[i])
                .toArray();
        if (Trial.Numbers.count(to) <= LARGE) {
            node(to, "Tile", List.of(x, ints(repeats)));
        }
    }

    private void concat() {
        String x = any(1, 4);
        String y = any1(x);
        long axis = axis(of(x).length);
        int at = at(axis, of(x).length);
        if (2 * Trial.Numbers.count(of(x)) <= LARGE) {
            node(with(of(x), at, 2 * of(x)[at]), "Concat", List.of(x, y), Attrs.of("axis", axis));
        }
    }

    private void split() {
        String x = any(1, 4);
        long[] shape = of(x);
        int axis = t.below(0, shape.length);
        if (shape[axis] < 2) {
            return;
        }
        long first = t.below(1, (int) shape[axis]);
        String name =
                t.node("", "Split", 2, List.of(x, ints(first, shape[axis] - first)), Attrs.of("axis", (long) axis));
        unread.remove(x);
        put(name, with(shape, axis, first));
        if (t.coin()) { // the other part may have no reader
            put(name + ":1", with(shape, axis, shape[axis] - first));
        }
    }

    private void slice() {
        String x = any(1, 4);
        long[] shape = of(x);
        int axis = t.below(0, shape.length);
        long size = shape[axis];
        if (size < 2) {
            return;
        }
        boolean back = t.below(0, 3) == 0;
        long start = back ? -1 : t.below(0, (int) size - 1);
        long end = back ? -size - 1 : t.coin() ? Long.MAX_VALUE : size;
        long step = back ? -1 : t.below(1, 3);
        long left = back ? size : (size - start + step - 1) / step;
        node(
                with(shape, axis, left),
                "Slice",
                List.of(x, ints(start), ints(end), ints(t.coin() ? axis : axis - shape.length), ints(step)));
    }

    private void pad() {
        String x = any(1, 3);
        int rank = of(x).length;
        long[] pads = new long[2 * rank];
        long[] to = of(x).clone();
        for (int i = 0; i < pads.length; i++) {
            pads[i] = t.below(0, 2);
            to[i % rank] += pads[i];
        }
        node(to, "Pad", List.of(x, ints(pads)));
    }

    private long[] indices(int count, long size) {
        return LongStream.range(0, count)
                .map(i -> t.below(0, (int) size) - (t.below(0, 3) == 0 ? size : 0))
                .toArray();
    }

    private void gather() {
        String x = any(1, 4);
        long[] shape = of(x);
        long axis = axis(shape.length);
        int at = at(axis, shape.length);
        int count = t.below(1, 4);
        Tensor which = Tensor.of(indices(count, shape[at]), count);
        node(with(shape, at, count), "Gather", List.of(x, t.constant(which)), Attrs.of("axis", axis));
    }

    private void gatherNd() {
        String x = any(2, 3);
        long[] shape = of(x);
        long[] pairs = new long[4];
        for (int i = 0; i < 4; i++) {
            pairs[i] = t.below(0, (int) shape[i % 2]);
        }
        long[] rest = Arrays.copyOfRange(shape, 2, shape.length);
        long[] to = LongStream.concat(LongStream.of(2), LongStream.of(rest)).toArray();
        node(to, "GatherND", List.of(x, t.constant(Tensor.of(pairs, 2, 2))));
    }

    private void gatherElements() {
        String x = any(2, 3);
        long[] shape = of(x);
        int axis = t.below(0, shape.length);
        Tensor which = Tensor.of(indices((int) Trial.Numbers.count(shape), shape[axis]), shape);
        node(shape, "GatherElements", List.of(x, t.constant(which)), Attrs.of("axis", (long) axis));
    }

    private void scatter() {
        String x = any(2, 2);
        long[] shape = of(x);
        String rows = numbers(1, shape[1]);
        Tensor where = Tensor.of(new long[] {t.below(0, (int) shape[0])}, 1, 1);
        node(shape, "ScatterND", List.of(x, t.constant(where), rows));
    }

    private void where() {
        String x = any();
        long[] shape = of(x);
        boolean[] mask = new boolean[(int) Trial.Numbers.count(shape)];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = t.coin();
        }
        node(shape, "Where", List.of(t.constant(Tensor.of(mask, shape)), x, numbers(fitting(shape))));
    }

    private void cumulative() {
        String x = any(1, 4);
        String axis = t.constant(Tensor.scalar(DType.INT64, (double) axis(of(x).length)));
        node(
                of(x),
                "CumSum",
                List.of(x, axis),
                Attrs.of("exclusive", t.coin() ? 1L : 0L),
                Attrs.of("reverse", t.coin() ? 1L : 0L));
    }

    private void triangle() {
        String x = any(2, 4);
        if (t.opset >= 14) {
            node(of(x), "Trilu", List.of(x), Attrs.of("upper", t.coin() ? 1L : 0L));
        }
    }

    private void einsum() {
        String x = any(2, 2);
        String w = numbers(of(x)[1], 2);
        boolean summed = t.coin();
        node(
                summed ? new long[] {of(x)[0]} : new long[] {2, of(x)[0]},
                "Einsum",
                List.of(x, w),
                Attrs.of("equation", summed ? "ij,jk->i" : "ij,jk->ki"));
    }

    private void largest() {
        String x = any(2, 3);
        long[] shape = of(x);
        int axis = t.below(0, shape.length);
        String name = t.node("", "TopK", 2, List.of(x, ints(1)), Attrs.of("axis", (long) axis));
        unread.remove(x);
        put(name, with(shape, axis, 1));
    }

    private void convolution() {
        String x = any(3, 3);
        long[] shape = of(x);
        long channels = t.below(1, 4);
        List<String> in = new ArrayList<>(List.of(x, numbers(channels, shape[1], Math.min(2, shape[2]))));
        if (t.coin()) {
            in.add(numbers(channels));
        }
        long left = shape[2] - Math.min(2, shape[2]) + 1 + 2;
        node(new long[] {shape[0], channels, left}, "Conv", in, Attrs.of("pads", List.of(1L, 1L)));
    }

    private void fused() {
        String x = any(2, 3);
        long width = of(x)[of(x).length - 1];
        String type = t.pick(List.of("FastGelu", "BiasGelu", "QuickGelu", "Gelu"));
        List<String> in = type.equals("BiasGelu") ? List.of(x, numbers(width)) : List.of(x);
        node("com.microsoft", of(x), type, in);
    }

    private void skipNorm() {
        String x = any(3, 3);
        long width = of(x)[2];
        if (width < 2) {
            return;
        }
        boolean simple = t.coin();
        List<String> in = new ArrayList<>(List.of(x, numbers(of(x)), numbers(width)));
        if (!simple) {
            in.add(numbers(width));
        }
        node(
                "com.microsoft",
                of(x),
                simple ? "SkipSimplifiedLayerNormalization" : "SkipLayerNormalization",
                in,
                Attrs.of("epsilon", 0.1));
    }
}
