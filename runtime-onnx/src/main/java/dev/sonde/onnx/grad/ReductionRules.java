package dev.sonde.onnx.grad;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/** Sums and the like over axes, and what is normalised over an axis. */
final class ReductionRules {
    private ReductionRules() {}

    static void add(Map<String, Rule> table) {
        table.put("ReduceSum", reduction((v, g, y) -> v.ops().expandAs(g, v.x())));
        table.put("ReduceMean", reduction((v, g, y) -> v.ops().expandAs(v.ops().div(g, count(v)), v.x())));
        table.put("ReduceMax", reduction(ReductionRules::extreme));
        table.put("ReduceMin", reduction(ReductionRules::extreme));
        table.put("ReduceL1", reduction((v, g, y) -> v.ops().mul(g, v.ops().sign(v.x()))));
        table.put("ReduceL2", reduction(ReductionRules::norm));
        table.put("ReduceSumSquare", reduction((v, g, y) -> v.ops().mul(v.ops().times(g, 2), v.x())));
        table.put(
                "ReduceLogSum",
                reduction((v, g, y) -> v.ops().expandAs(v.ops().div(g, v.ops().one("Exp", y)), v.x())));
        table.put(
                "ReduceLogSumExp",
                reduction((v, g, y) -> v.ops().mul(g, v.ops().one("Exp", v.ops().sub(v.x(), y)))));
        table.put("ReduceProd", reduction(ReductionRules::product));
        table.put("Softmax", Rule.first(v -> v.give(0, softmax(v))));
        table.put("LogSoftmax", Rule.first(v -> v.give(0, logSoftmax(v))));
        table.put("CumSum", Rule.first(ReductionRules::cumSum));
    }

    /** Reductions that leave a number as it is. */
    private static final Set<String> WITHOUT_AXES =
            Set.of("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd");

    /** The gradient of a reduction, given that of the result and the result, both with the reduced axes. */
    private interface Spread {
        String of(Visit v, String g, String y);
    }

    private static Rule reduction(Spread spread) {
        return Rule.first(v -> {
            if (v.has(1) && v.ops().axes(v.node()).isEmpty()) {
                throw v.refuse("its axes are not known before it runs");
            }
            if (axes(v).isEmpty()) {
                v.give(0, untouched(v));
                return;
            }
            v.give(0, spread.of(v, raised(v, v.g()), raised(v, v.y())));
        });
    }

    /** Returns the axes that are reduced, counted from the front: all of them if none is named, unless the operator says not. */
    private static List<Long> axes(Visit v) {
        int rank = v.ops().rank(v.x());
        List<Long> named = v.ops().axes(v.node()).orElse(List.of());
        if (named.isEmpty()) {
            boolean none = Attrs.whole(v.node(), "noop_with_empty_axes", 0) != 0;
            return LongStream.range(0, none ? 0 : rank).boxed().toList();
        }
        return named.stream()
                .map(axis -> axis < 0 ? axis + rank : axis)
                .sorted()
                .toList();
    }

    /** The gradient of a reduction over no axis. */
    private static String untouched(Visit v) {
        if (!WITHOUT_AXES.contains(v.node().getOpType()) && v.ops().rank(v.x()) > 0) {
            throw v.refuse("it reduces over no axis");
        }
        return v.g();
    }

    /** Returns a result with its reduced axes, of size 1. */
    private static String raised(Visit v, String result) {
        if (Attrs.whole(v.node(), "keepdims", 1) != 0) {
            return result;
        }
        return v.ops().unsqueeze(result, axes(v));
    }

    /** How many elements made one. */
    private static String count(Visit v) {
        Ops o = v.ops();
        int rank = o.rank(v.x());
        List<Long> axes = axes(v);
        long count = 1;
        for (long axis : axes) {
            long size = o.size(v.x(), (int) (axis < 0 ? axis + rank : axis));
            count = size == TensorType.UNKNOWN || count < 0 ? -1 : count * size;
        }
        if (axes.stream().allMatch(axis -> axis == -1 || axis == rank - 1) && count > 0) {
            return o.scalar(v.x(), (double) count); // the width of a model is part of its structure
        }
        String all = o.node("Size", List.of(v.x()));
        String made = o.node("Size", List.of(v.y()));
        return o.castAs(o.div(all, made), v.x());
    }

    /** At 0, where a norm has a corner, the gradient is 0. */
    private static String norm(Visit v, String g, String y) {
        Ops o = v.ops();
        String share = o.masked(o.greater(y, o.scalar(y, 0)), o.div(g, y));
        return o.mul(share, v.x());
    }

    /** The product of all others: one zero leaves a gradient for itself only, several leave none. */
    private static String product(Visit v, String g, String y) {
        Ops o = v.ops();
        List<Long> axes = axes(v);
        String zero = o.equal(v.x(), o.scalar(v.x(), 0));
        String rest = o.node("Where", List.of(zero, o.scalar(v.x(), 1), v.x()));
        String product = o.reduce("ReduceProd", rest, axes, true);
        String zeros = o.reduceSum(o.cast(zero, o.dtype(v.x())), axes, true);
        String none = o.masked(o.equal(zeros, o.scalar(v.x(), 0)), product);
        String single = o.masked(o.equal(zeros, o.scalar(v.x(), 1)), product);
        String others = o.add(o.div(none, rest), o.masked(zero, o.expandAs(single, v.x())));
        return o.marked("Mul", Rules.ONCE, List.of(g, others)); // where one is zero, gradients of this would be wrong
    }

    /** Equal elements share. */
    private static String extreme(Visit v, String g, String y) {
        Ops o = v.ops();
        String is = o.cast(o.equal(v.x(), y), o.dtype(v.x()));
        List<Long> axes = axes(v);
        return o.mul(is, o.div(g, o.reduceSum(is, axes, true)));
    }

    /** Before opset 13 a softmax runs over all axes from the given one on. */
    private static List<Long> softmaxAxes(Visit v) {
        boolean flat = v.ops().opset() < 13;
        long axis = Attrs.whole(v.node(), "axis", flat ? 1 : -1);
        int rank = v.ops().rank(v.x());
        long at = axis < 0 ? axis + rank : axis;
        return flat ? LongStream.range(at, rank).boxed().toList() : List.of(at);
    }

    private static String softmax(Visit v) {
        Ops o = v.ops();
        String weighted = o.mul(v.g(), v.y());
        String total = o.reduceSum(weighted, softmaxAxes(v), true);
        return o.sub(weighted, o.mul(v.y(), total));
    }

    private static String logSoftmax(Visit v) {
        Ops o = v.ops();
        String total = o.reduceSum(v.g(), softmaxAxes(v), true);
        return o.sub(v.g(), o.mul(o.one("Exp", v.y()), total));
    }

    /** A running sum from the other end. */
    private static void cumSum(Visit v) {
        v.give(
                0,
                v.ops()
                        .node(
                                "CumSum",
                                List.of(v.g(), v.in(1)),
                                Attrs.of("exclusive", Attrs.whole(v.node(), "exclusive", 0)),
                                Attrs.of("reverse", 1 - Attrs.whole(v.node(), "reverse", 0))));
    }
}
