package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** Convolutions and pooling. */
final class ConvolutionRules {
    private ConvolutionRules() {}

    static void add(Map<String, Rule> table) {
        table.put("Conv", Rule.all(ConvolutionRules::conv));
        table.put("ConvTranspose", Rule.all(ConvolutionRules::convTranspose));
        table.put("MaxPool", Rule.first(ConvolutionRules::maxPool));
        table.put("AveragePool", Rule.first(ConvolutionRules::averagePool));
        table.put("GlobalAveragePool", Rule.first(ConvolutionRules::globalAverage));
        table.put("GlobalMaxPool", Rule.first(ConvolutionRules::globalMax));
    }

    /**
     * How a window moves over the axes behind batch and channel.
     *
     * @param size of the window
     * @param strides of its steps
     * @param dilations between its elements
     * @param begins pads before each axis
     * @param ends pads behind each axis
     */
    private record Window(
            List<Long> size, List<Long> strides, List<Long> dilations, List<Long> begins, List<Long> ends) {
        static Window of(Visit v, List<Long> size) {
            int axes = size.size();
            List<Long> ones = Collections.nCopies(axes, 1L);
            List<Long> strides = or(Attrs.wholes(v.node(), "strides"), ones);
            List<Long> dilations = or(Attrs.wholes(v.node(), "dilations"), ones);
            String auto = Attrs.text(v.node(), "auto_pad", "NOTSET");
            List<Long> pads = auto.startsWith("SAME")
                    ? same(v, size, strides, dilations, auto.equals("SAME_UPPER"))
                    : or(Attrs.wholes(v.node(), "pads"), Collections.nCopies(2 * axes, 0L));
            return new Window(size, strides, dilations, pads.subList(0, axes), pads.subList(axes, 2 * axes));
        }

        private static List<Long> or(List<Long> given, List<Long> otherwise) {
            return given.isEmpty() ? otherwise : given;
        }

        private static List<Long> same(
                Visit v, List<Long> size, List<Long> strides, List<Long> dilations, boolean upper) {
            List<Long> begins = new ArrayList<>();
            List<Long> ends = new ArrayList<>();
            for (int i = 0; i < size.size(); i++) {
                long in = v.ops().size(v.x(), i + 2);
                if (in == TensorType.UNKNOWN) {
                    throw v.refuse("its pads depend on sizes that are not known before it runs");
                }
                long steps = (in + strides.get(i) - 1) / strides.get(i) - 1;
                long total = Math.max(0, steps * strides.get(i) + (size.get(i) - 1) * dilations.get(i) + 1 - in);
                long less = total / 2;
                begins.add(upper ? less : total - less);
                ends.add(upper ? total - less : less);
            }
            begins.addAll(ends);
            return begins;
        }

        List<Long> pads() {
            List<Long> pads = new ArrayList<>(begins);
            pads.addAll(ends);
            return pads;
        }

        boolean isPadded() {
            return pads().stream().anyMatch(pad -> pad != 0);
        }
    }

    private static List<Long> kernel(Visit v, String weights) {
        List<Long> given = Attrs.wholes(v.node(), "kernel_shape");
        if (!given.isEmpty()) {
            return given;
        }
        List<Long> sizes = LongStream.range(2, v.ops().rank(weights))
                .map(axis -> v.ops().size(weights, (int) axis))
                .boxed()
                .toList();
        if (sizes.contains(TensorType.UNKNOWN)) {
            throw v.refuse("the size of its window is not known before it runs");
        }
        return sizes;
    }

    private static void conv(Visit v) {
        Ops o = v.ops();
        Window window = Window.of(v, kernel(v, v.in(1)));
        long group = Attrs.whole(v.node(), "group", 1);
        if (v.wants(0)) {
            v.give(0, spread(o, v.g(), v.in(1), v.x(), window, group));
        }
        if (v.wants(1)) {
            v.give(1, weights(o, v.x(), v.g(), window, group));
        }
        bias(v);
    }

    private static void bias(Visit v) {
        if (v.wants(2)) {
            int rank = v.ops().rank(v.y());
            List<Long> axes =
                    LongStream.range(0, rank).filter(axis -> axis != 1).boxed().toList();
            v.give(2, v.ops().reduceSum(v.g(), axes, false));
        }
    }

    /** Adds each element of g, times the weights, where its window lay; pads are cut off at the end. */
    private static String spread(Ops o, String g, String weights, String like, Window window, long group) {
        String all = o.node(
                "ConvTranspose",
                List.of(g, weights),
                Attrs.of("group", group),
                Attrs.of("strides", window.strides()),
                Attrs.of("dilations", window.dilations()),
                Attrs.of(
                        "output_padding",
                        window.strides().stream().map(stride -> stride - 1).toList()));
        int axes = window.size().size();
        String sizes = o.slice(o.shape(like), 0, 2, axes + 2L);
        String starts = o.ints(window.begins());
        return o.node(
                "Slice",
                List.of(
                        all,
                        starts,
                        o.add(starts, sizes),
                        o.ints(LongStream.range(2, axes + 2L).boxed().toList())));
    }

    /** The gradient of weights is a convolution too: of the input by g, with batch and channels in each other's place. */
    private static String weights(Ops o, String x, String g, Window window, long group) {
        int axes = window.size().size();
        String input = grouped(o, x, group, List.of(2L, 1L, 0L), axes); // [C/G, G, N, ...]
        String kernel = grouped(o, g, group, List.of(1L, 2L, 0L), axes); // [G, O/G, N, ...]
        String conv = o.node(
                "Conv",
                List.of(joined(o, input, 1), joined(o, kernel, 0)),
                Attrs.of("group", group),
                Attrs.of("strides", window.dilations()),
                Attrs.of("dilations", window.strides()),
                Attrs.of("pads", window.pads()));
        List<Long> swapped =
                new ArrayList<>(LongStream.range(0, axes + 2L).boxed().toList());
        Collections.swap(swapped, 0, 1);
        String starts = o.ints(Collections.nCopies(axes, 0L));
        String at = o.ints(LongStream.range(2, axes + 2L).boxed().toList());
        return o.transpose(o.node("Slice", List.of(conv, starts, o.ints(window.size()), at)), swapped);
    }

    /** Returns {@code [N, C, ...]} with channels by group, its first three axes in another order. */
    private static String grouped(Ops o, String x, long group, List<Long> order, int axes) {
        String rest = o.slice(o.shape(x), 0, 2, axes + 2L);
        String split = o.node("Reshape", List.of(x, o.concat(List.of(o.ints(0, group, -1), rest), 0)));
        List<Long> perm = new ArrayList<>(order);
        LongStream.range(3, axes + 3L).forEach(perm::add);
        return o.transpose(split, perm);
    }

    /** Returns a value with axis {@code first} and the next one laid out as one. */
    private static String joined(Ops o, String x, int first) {
        String sizes = o.node("Shape", List.of(x));
        List<String> parts = new ArrayList<>();
        if (first > 0) {
            parts.add(o.slice(sizes, 0, 0, first));
        }
        parts.add(o.mul(o.slice(sizes, 0, first, first + 1L), o.slice(sizes, 0, first + 1L, first + 2L)));
        parts.add(o.slice(sizes, 0, first + 2L, Long.MAX_VALUE));
        return o.node("Reshape", List.of(x, o.concat(parts, 0)));
    }

    private static void convTranspose(Visit v) {
        Ops o = v.ops();
        Window window = Window.of(v, kernel(v, v.in(1)));
        if (!Attrs.text(v.node(), "auto_pad", "NOTSET").equals("NOTSET")
                || !Attrs.wholes(v.node(), "output_shape").isEmpty()) {
            throw v.refuse("its pads follow from its sizes");
        }
        long group = Attrs.whole(v.node(), "group", 1);
        if (v.wants(0)) {
            v.give(
                    0,
                    o.node(
                            "Conv",
                            List.of(v.g(), v.in(1)),
                            Attrs.of("group", group),
                            Attrs.of("strides", window.strides()),
                            Attrs.of("dilations", window.dilations()),
                            Attrs.of("pads", window.pads())));
        }
        if (v.wants(1)) {
            v.give(1, weights(o, v.g(), v.x(), window, group));
        }
        bias(v);
    }

    private static void maxPool(Visit v) {
        Ops o = v.ops();
        if (Attrs.whole(v.node(), "storage_order", 0) != 0) {
            throw v.refuse("it counts columns first");
        }
        AttributeProto[] attributes = v.node().getAttributeList().toArray(new AttributeProto[0]);
        String places =
                o.reshape(o.nodes("", "MaxPool", 2, List.of(v.x()), attributes).get(1), -1);
        String placed = IndexRules.place(o, o.reshape(v.x(), -1), places, o.reshape(v.g(), -1), 0, false);
        v.give(0, o.node("Reshape", List.of(placed, o.shape(v.x()))));
    }

    private static void averagePool(Visit v) {
        Ops o = v.ops();
        Window window = Window.of(v, Attrs.wholes(v.node(), "kernel_shape"));
        if (Attrs.whole(v.node(), "ceil_mode", 0) != 0) {
            throw v.refuse("its last window may hang over (ceil_mode)");
        }
        String ones = o.filledWith(v.x(), 1, unit(window));
        String rows = o.concat(List.of(o.ints(-1, 1), o.slice(o.shape(v.x()), 0, 2, Long.MAX_VALUE)), 0);
        String alone = o.node("Reshape", List.of(v.x(), rows)); // every channel a row of its own
        String g = o.node(
                "Reshape",
                List.of(
                        o.div(v.g(), elements(v, window, ones, alone)),
                        o.concat(
                                List.of(o.ints(-1, 1), o.slice(o.node("Shape", List.of(v.g())), 0, 2, Long.MAX_VALUE)),
                                0)));
        v.give(0, o.node("Reshape", List.of(spread(o, g, ones, alone, window, 1), o.shape(v.x()))));
    }

    private static List<Long> unit(Window window) {
        List<Long> shape = new ArrayList<>(List.of(1L, 1L));
        shape.addAll(window.size());
        return shape;
    }

    /** How many elements each average is of; pads count only if the operator says so. */
    private static String elements(Visit v, Window window, String ones, String alone) {
        Ops o = v.ops();
        if (!window.isPadded() || Attrs.whole(v.node(), "count_include_pad", 0) != 0) {
            return o.scalar(v.x(), window.size().stream().reduce(1L, (a, b) -> a * b));
        }
        String one = o.slice(o.filled(alone, 1), 0, 0, 1);
        return o.node(
                "Conv",
                List.of(one, ones),
                Attrs.of("strides", window.strides()),
                Attrs.of("dilations", window.dilations()),
                Attrs.of("pads", window.pads()));
    }

    private static List<Long> behindChannels(Visit v) {
        return LongStream.range(2, v.ops().rank(v.x())).boxed().toList();
    }

    private static void globalAverage(Visit v) {
        Ops o = v.ops();
        String count = o.reduceSum(o.filled(v.x(), 1), behindChannels(v), true);
        v.give(0, o.expandAs(o.div(v.g(), count), v.x()));
    }

    private static void globalMax(Visit v) {
        Ops o = v.ops();
        String is = o.cast(o.equal(v.x(), v.y()), o.dtype(v.x()));
        v.give(0, o.mul(is, o.div(v.g(), o.reduceSum(is, behindChannels(v), true))));
    }
}
