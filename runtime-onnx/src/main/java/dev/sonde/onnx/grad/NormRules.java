package dev.sonde.onnx.grad;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Operators that normalise. */
final class NormRules {
    private NormRules() {}

    static void add(Map<String, Rule> table) {
        table.put("LayerNormalization", Rule.below(3, NormRules::layerNorm));
        table.put("RMSNormalization", Rule.below(2, NormRules::rmsNorm));
        table.put("SimplifiedLayerNormalization", Rule.below(2, NormRules::rmsNorm));
        table.put("com.microsoft:SimplifiedLayerNormalization", Rule.below(2, NormRules::rmsNorm));
        table.put("com.microsoft:SkipLayerNormalization", Rule.below(5, v -> skip(v, 4, true)));
        table.put("com.microsoft:SkipSimplifiedLayerNormalization", Rule.below(4, v -> skip(v, 3, false)));
        table.put("BatchNormalization", Rule.below(3, NormRules::batchNorm));
        table.put("InstanceNormalization", Rule.below(3, NormRules::instanceNorm));
        table.put("GroupNormalization", Rule.below(3, NormRules::groupNorm));
        table.put("LpNormalization", Rule.first(NormRules::lpNorm));
        table.put("LRN", Rule.first(NormRules::acrossChannels));
        table.put("MeanVarianceNormalization", Rule.first(NormRules::meanVariance));
    }

    /** A value normalised over axes. */
    private record Normal(String value, String scale) {}

    private static List<Long> from(long axis, int rank) {
        return LongStream.range(axis, rank).boxed().toList();
    }

    private static Normal centred(Ops o, String x, List<Long> axes, double epsilon) {
        String centred = o.sub(x, o.reduce("ReduceMean", x, axes, true));
        return scaled(o, centred, axes, epsilon);
    }

    private static Normal scaled(Ops o, String x, List<Long> axes, double epsilon) {
        String mean = o.reduce("ReduceMean", o.square(x), axes, true);
        String scale = o.one("Reciprocal", o.one("Sqrt", o.plus(mean, epsilon)));
        return new Normal(o.mul(x, scale), scale);
    }

    /** The gradient of what was normalised, given that of the normal value: it lies across that value, and across the mean. */
    private static String back(Ops o, String g, Normal normal, List<Long> axes, boolean centred) {
        String along = o.mul(normal.value(), o.reduce("ReduceMean", o.mul(g, normal.value()), axes, true));
        String across = o.sub(centred ? o.sub(g, o.reduce("ReduceMean", g, axes, true)) : g, along);
        return o.mul(across, normal.scale());
    }

    private static void layerNorm(Visit v) {
        Ops o = v.ops();
        List<Long> axes = from(v.axis(-1), o.rank(v.x()));
        Normal normal = normal(v, axes);
        String g = v.g(0);
        if (g != null) {
            affine(v, g, normal.value(), 1, 2);
            if (v.wants(0)) {
                v.give(0, back(o, o.mul(g, v.in(1)), normal, axes, true));
            }
        }
        statistics(v, normal, axes);
    }

    /** The operator itself gives mean and scale of floats, in one node. */
    private static Normal normal(Visit v, List<Long> axes) {
        Ops o = v.ops();
        double epsilon = Attrs.real(v.node(), "epsilon", 1e-5);
        if (o.dtype(v.x()) != dev.sonde.DType.FLOAT32 || o.opset() < 17) {
            return centred(o, v.x(), axes, epsilon);
        }
        List<String> out = o.nodes(
                "",
                "LayerNormalization",
                3,
                List.of(v.x(), o.filled(v.in(1), 1)),
                Attrs.of("axis", axes.get(0)),
                Attrs.of("epsilon", epsilon));
        return new Normal(out.get(0), out.get(2));
    }

    /** The gradients of the mean and of the scale, where these are used too. */
    private static void statistics(Visit v, Normal normal, List<Long> axes) {
        Ops o = v.ops();
        String mean = v.g(1);
        String scale = v.g(2);
        if (mean != null) {
            v.give(0, o.expandAs(o.mul(mean, perElement(v, axes)), v.x()));
        }
        if (scale != null) {
            String slope = o.mul(o.mul(scale, o.square(normal.scale())), perElement(v, axes));
            v.give(0, o.neg(o.mul(slope, normal.value())));
        }
    }

    private static String perElement(Visit v, List<Long> axes) {
        Ops o = v.ops();
        return o.reduce(
                "ReduceMean", o.div(o.filled(v.x(), 1), o.reduceSum(o.filled(v.x(), 1), axes, true)), axes, true);
    }

    /** The gradients of a scale and of a bias that follow a normal value. */
    private static void affine(Visit v, String g, String normal, int scale, int bias) {
        if (v.wants(scale)) {
            v.giveSummed(scale, v.ops().mul(g, normal));
        }
        if (v.wants(bias)) {
            v.giveSummed(bias, g);
        }
    }

    private static void rmsNorm(Visit v) {
        Ops o = v.ops();
        List<Long> axes = from(v.axis(-1), o.rank(v.x()));
        Normal normal = scaled(o, v.x(), axes, Attrs.real(v.node(), "epsilon", 1e-5));
        if (v.g(1) != null) {
            throw v.refuse("its scale is used too");
        }
        if (v.wants(1)) {
            v.giveSummed(1, o.mul(v.g(), normal.value()));
        }
        if (v.wants(0)) {
            v.give(0, back(o, o.mul(v.g(), v.in(1)), normal, axes, false));
        }
    }

    /** The norm of a sum of two values and a bias; the sum is an output too. */
    private static void skip(Visit v, int bias, boolean centred) {
        Ops o = v.ops();
        String sum = o.add(v.in(0), v.in(1));
        sum = v.has(bias) ? o.add(sum, v.in(bias)) : sum;
        List<Long> axes = List.of(o.rank(v.x()) - 1L);
        double epsilon = Attrs.real(v.node(), "epsilon", centred ? 1e-12 : 1e-5);
        String total = v.g(3);
        String g = v.g(0);
        if (g != null) {
            Normal normal = centred ? centred(o, sum, axes, epsilon) : scaled(o, sum, axes, epsilon);
            affine(v, g, normal.value(), 2, centred ? 3 : -1);
            String through = back(o, o.mul(g, v.in(2)), normal, axes, centred);
            total = total == null ? through : o.add(total, through);
        }
        giveParts(v, total, bias);
    }

    private static void giveParts(Visit v, @Nullable String total, int bias) {
        for (int part : new int[] {0, 1, bias}) {
            if (total != null && v.wants(part)) {
                v.giveSummed(part, total);
            }
        }
    }

    /** Returns a value of one number for each channel, to be used along axis 1. */
    private static String channels(Visit v, String value) {
        int rank = v.ops().rank(v.x());
        return v.ops().unsqueeze(value, LongStream.range(1, rank - 1).boxed().toList());
    }

    private static List<Long> notChannels(Visit v) {
        int rank = v.ops().rank(v.x());
        return LongStream.range(0, rank).filter(axis -> axis != 1).boxed().toList();
    }

    private static void channelAffine(Visit v, String normal) {
        Ops o = v.ops();
        if (v.wants(1)) {
            v.give(1, o.reduceSum(o.mul(v.g(), normal), notChannels(v), false));
        }
        if (v.wants(2)) {
            v.give(2, o.reduceSum(v.g(), notChannels(v), false));
        }
    }

    /** With the mean and variance of training. */
    private static void batchNorm(Visit v) {
        Ops o = v.ops();
        double epsilon = Attrs.real(v.node(), "epsilon", 1e-5);
        String scale = o.one("Reciprocal", o.one("Sqrt", o.plus(v.in(4), epsilon)));
        channelAffine(v, o.mul(o.sub(v.x(), channels(v, v.in(3))), channels(v, scale)));
        if (v.wants(0)) {
            v.give(0, o.mul(v.g(), channels(v, o.mul(v.in(1), scale))));
        }
    }

    private static void instanceNorm(Visit v) {
        Ops o = v.ops();
        List<Long> axes = from(2, o.rank(v.x()));
        Normal normal = centred(o, v.x(), axes, Attrs.real(v.node(), "epsilon", 1e-5));
        channelAffine(v, normal.value());
        if (v.wants(0)) {
            v.give(0, back(o, o.mul(v.g(), channels(v, v.in(1))), normal, axes, true));
        }
    }

    private static void groupNorm(Visit v) {
        Ops o = v.ops();
        if (o.opset() < 21) {
            throw v.refuse("before opset 21 its scales belong to groups");
        }
        long groups = Attrs.whole(v.node(), "num_groups", 1);
        List<Long> axes = List.of(2L);
        Normal normal = centred(o, o.reshape(v.x(), 0, groups, -1), axes, Attrs.real(v.node(), "epsilon", 1e-5));
        channelAffine(v, o.reshapeAs(normal.value(), v.x()));
        if (v.wants(0)) {
            String g = o.reshape(o.mul(v.g(), channels(v, v.in(1))), 0, groups, -1);
            v.give(0, o.reshapeAs(back(o, g, normal, axes, true), v.x()));
        }
    }

    private static void lpNorm(Visit v) {
        Ops o = v.ops();
        long p = Attrs.whole(v.node(), "p", 2);
        List<Long> axes = List.of(v.axis(-1));
        String norm = o.reduce(p == 1 ? "ReduceL1" : "ReduceL2", v.x(), axes, true);
        String along = o.reduceSum(o.mul(v.g(), v.y()), axes, true);
        String direction = p == 1 ? o.sign(v.x()) : v.y();
        v.give(0, o.div(o.sub(v.g(), o.mul(direction, along)), norm));
    }

    /** Each number over a power of the squares of the channels beside it. */
    private static void acrossChannels(Visit v) {
        Ops o = v.ops();
        long size = Attrs.whole(v.node(), "size", 1);
        double beta = Attrs.real(v.node(), "beta", 0.75);
        double share = Attrs.real(v.node(), "alpha", 1e-4) / size;
        long before = (size - 1) / 2;
        String squares = neighbours(v, o.square(v.x()), before, size - 1 - before);
        String base = o.plus(o.times(squares, share), Attrs.real(v.node(), "bias", 1));
        String own = o.mul(v.g(), o.node("Pow", List.of(base, o.scalar(v.x(), -beta))));
        String others = neighbours(v, o.div(o.mul(v.g(), v.y()), base), size - 1 - before, before);
        v.give(0, o.sub(own, o.mul(o.times(v.x(), 2 * share * beta), others)));
    }

    /** Sums each channel and those beside it. */
    private static String neighbours(Visit v, String x, long before, long behind) {
        Ops o = v.ops();
        String sizes = o.shape(v.x());
        String shape = o.concat(List.of(o.slice(sizes, 0, 0, 1), o.ints(1), o.slice(sizes, 0, 1, 2), o.ints(-1)), 0);
        String mean = o.node(
                "AveragePool",
                List.of(o.node("Reshape", List.of(x, shape))),
                Attrs.of("kernel_shape", List.of(before + behind + 1, 1L)),
                Attrs.of("pads", List.of(before, 0L, behind, 0L)),
                Attrs.of("count_include_pad", 1L));
        return o.node("Reshape", List.of(o.times(mean, (double) (before + behind + 1)), sizes));
    }

    private static void meanVariance(Visit v) {
        List<Long> axes = new ArrayList<>(Attrs.wholes(v.node(), "axes"));
        if (axes.isEmpty()) {
            axes.addAll(List.of(0L, 2L, 3L));
        }
        v.give(0, back(v.ops(), v.g(), centred(v.ops(), v.x(), axes, 1e-9), axes, true));
    }
}
