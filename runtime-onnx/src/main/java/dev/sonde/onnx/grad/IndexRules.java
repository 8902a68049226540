package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.sonde.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;

/** Operators that read or write at indices. */
final class IndexRules {
    private IndexRules() {}

    static void add(Map<String, Rule> table) {
        table.put("Gather", Rule.first(IndexRules::gather));
        table.put("GatherElements", Rule.first(IndexRules::gatherElements));
        table.put("GatherND", Rule.first(IndexRules::gatherNd));
        table.put("ScatterElements", new Rule(i -> i != 1, IndexRules::scatterElements));
        table.put("Scatter", new Rule(i -> i != 1, IndexRules::scatterElements));
        table.put("ScatterND", new Rule(i -> i != 1, IndexRules::scatterNd));
        table.put("TopK", Rule.first(IndexRules::topK));
        table.put("Resize", Rule.first(IndexRules::resize));
        table.put("Upsample", Rule.first(IndexRules::resize));
        table.put("Compress", Rule.first(IndexRules::compress));
    }

    private static void gather(Visit v) {
        Ops o = v.ops();
        long axis = v.axis(0);
        int rank = o.rank(v.in(1));
        String indices = v.in(1);
        String g = v.g();
        if (rank == 0) {
            g = o.unsqueeze(g, List.of(axis));
            Optional<String> padded = padded(v, g, axis);
            if (padded.isPresent()) {
                v.give(0, padded.get());
                return;
            }
            indices = o.unsqueeze(indices, List.of(0L));
        } else if (rank > 1) {
            String sizes = o.shape(v.x());
            List<String> parts = new ArrayList<>();
            if (axis > 0) {
                parts.add(o.slice(sizes, 0, 0, axis));
            }
            parts.add(o.ints(-1));
            if (axis + 1 < o.rank(v.x())) {
                parts.add(o.slice(sizes, 0, axis + 1, Long.MAX_VALUE));
            }
            g = o.node("Reshape", List.of(g, o.concat(parts, 0)));
            indices = o.reshape(indices, -1);
        }
        boolean once = rank == 0
                || o.numbers(v.in(1))
                        .map(list -> LongStream.of(list.toLongs()).distinct().count() == list.count()
                                && LongStream.of(list.toLongs()).allMatch(i -> i >= 0))
                        .orElse(false);
        v.give(0, place(o, v.x(), indices, g, axis, once));
    }

    /** Zeros before and behind the one index that was read. */
    private static Optional<String> padded(Visit v, String g, long axis) {
        Ops o = v.ops();
        long size = o.size(v.x(), (int) axis);
        if (size == TensorType.UNKNOWN) {
            return Optional.empty();
        }
        return o.numbers(v.in(1)).map(number -> {
            int rank = o.rank(v.x());
            long at = number.toLongs()[0];
            long index = at < 0 ? at + size : at;
            List<Long> pads = new ArrayList<>(java.util.Collections.nCopies(2 * rank, 0L));
            pads.set((int) axis, index);
            pads.set(rank + (int) axis, size - 1 - index);
            return o.padded(g, pads);
        });
    }

    /**
     * Returns zeros in the shape of {@code like} to which the parts of {@code g} along an axis are added at {@code indices}, a
     * list.
     *
     * @param once whether no index is there twice
     */
    static String place(Ops o, String like, String indices, String g, long axis, boolean once) {
        if (!once && o.opset() < 16) {
            return placeByProduct(o, like, indices, g, axis);
        }
        int rank = o.rank(like);
        List<Long> others =
                LongStream.range(0, rank).filter(i -> i != axis).boxed().toList();
        String shaped = o.unsqueeze(indices, others);
        return scatter(o, o.zeros(like), o.node("Expand", List.of(shaped, o.shape(g))), g, axis, once);
    }

    private static String scatter(Ops o, String into, String indices, String updates, long axis, boolean once) {
        AttributeProto at = Attrs.of("axis", axis);
        return once
                ? o.node("ScatterElements", List.of(into, indices, updates), at)
                : o.node("ScatterElements", List.of(into, indices, updates), at, Attrs.of("reduction", "add"));
    }

    /** Before opset 16 nothing scatters and adds: a product with ones at the indices does. */
    private static String placeByProduct(Ops o, String like, String indices, String g, long axis) {
        int rank = o.rank(like);
        String size = o.slice(o.shape(like), 0, axis, axis + 1);
        String onOff = o.floats(0, 1); // ONNX Runtime has no OneHot in float64
        String ones = o.castAs(
                o.node("OneHot", List.of(indices, o.squeeze(size, List.of(0L)), onOff), Attrs.of("axis", 0L)), g);
        List<Long> front = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        front.remove((int) axis);
        front.add(0, axis);
        String turned = o.transpose(g, front);
        String rows = o.node("Flatten", List.of(turned), Attrs.of("axis", 1L));
        String placed = o.node("MatMul", List.of(ones, rows));
        String shape = o.concat(List.of(size, o.slice(o.node("Shape", List.of(turned)), 0, 1, Long.MAX_VALUE)), 0);
        List<Long> back = new ArrayList<>();
        for (long i = 0; i < rank; i++) {
            back.add((long) front.indexOf(i));
        }
        return o.transpose(o.node("Reshape", List.of(placed, shape)), back);
    }

    private static void gatherElements(Visit v) {
        Ops o = v.ops();
        long axis = v.axis(0);
        boolean once = o.size(v.in(1), (int) axis) == 1;
        if (!once && o.opset() < 16) {
            throw v.refuse("it may read an element twice, which needs a file of opset 16 or later");
        }
        v.give(0, scatter(o, o.zeros(v.x()), v.in(1), v.g(), axis, once));
    }

    /** Reads at lists of indices; they become one index into the axes that they run over, laid out as one. */
    private static void gatherNd(Visit v) {
        Ops o = v.ops();
        int batch = (int) Attrs.whole(v.node(), "batch_dims", 0);
        long depth = o.size(v.in(1), o.rank(v.in(1)) - 1);
        TensorType x = o.type(v.x())
                .filter(TensorType::isKnown)
                .filter(type -> depth != TensorType.UNKNOWN)
                .orElseThrow(() -> v.refuse("the sizes of what it reads are not known before it runs"));
        List<Long> lead = x.dims().subList(0, batch);
        List<Long> read = x.dims().subList(batch, batch + (int) depth);
        List<Long> rest = x.dims().subList(batch + (int) depth, x.rank());
        List<Long> strides = new ArrayList<>();
        for (int i = 0; i < read.size(); i++) {
            strides.add(product(read.subList(i + 1, read.size())));
        }
        String indices = o.node("Reshape", List.of(v.in(1), o.sizes(product(lead), -1, depth)));
        String inside =
                o.node("Where", List.of(o.less(indices, o.scalarInt(0)), o.add(indices, o.sizes(read)), indices));
        String at = o.reduceSum(o.mul(inside, o.sizes(strides)), List.of(2L), false);
        String rows = o.range(o.squeeze(o.sizes(product(lead)), List.of(0L)));
        String offset = o.unsqueeze(o.mul(rows, o.sizes(product(read))), List.of(1L));
        String flat = o.reshape(o.add(at, offset), -1);
        String zeros = o.node("Reshape", List.of(v.x(), o.sizes(product(lead) * product(read), product(rest))));
        String g = o.node("Reshape", List.of(v.g(), o.sizes(-1, product(rest))));
        v.give(0, o.reshapeAs(place(o, zeros, flat, g, 0, false), v.x()));
    }

    private static long product(List<Long> sizes) {
        return sizes.stream().reduce(1L, Math::multiplyExact);
    }

    private static void scatterElements(Visit v) {
        Ops o = v.ops();
        String reduction = Attrs.text(v.node(), "reduction", "none");
        if (!reduction.equals("none") && !reduction.equals("add")) {
            throw v.refuse("it reduces by '" + reduction + "'");
        }
        AttributeProto axis = Attrs.of("axis", v.axis(0));
        if (v.wants(0)) {
            v.give(
                    0,
                    reduction.equals("add")
                            ? v.g()
                            : o.node("ScatterElements", List.of(v.g(), v.in(1), o.zeros(v.in(2))), axis));
        }
        if (v.wants(2)) {
            v.give(2, o.node("GatherElements", List.of(v.g(), v.in(1)), axis));
        }
    }

    private static void scatterNd(Visit v) {
        Ops o = v.ops();
        String reduction = Attrs.text(v.node(), "reduction", "none");
        if (!reduction.equals("none") && !reduction.equals("add")) {
            throw v.refuse("it reduces by '" + reduction + "'");
        }
        if (v.wants(0)) {
            v.give(0, reduction.equals("add") ? v.g() : o.node("ScatterND", List.of(v.g(), v.in(1), o.zeros(v.in(2)))));
        }
        if (v.wants(2)) {
            v.give(2, o.node("GatherND", List.of(v.g(), v.in(1))));
        }
    }

    private static void topK(Visit v) {
        long axis = v.axis(-1);
        String indices = v.node().getOutputCount() > 1 ? v.node().getOutput(1) : "";
        if (indices.isEmpty()) {
            throw v.refuse("where the largest are is not an output of it");
        }
        v.give(0, scatter(v.ops(), v.ops().zeros(v.x()), indices, v.g(), axis, true));
    }

    private static void resize(Visit v) {
        String mode = Attrs.text(v.node(), "mode", "nearest");
        if (!mode.equals("nearest")) {
            v.give(0, Interpolation.of(v));
            return;
        }
        v.give(0, traced(v, false, places -> {
            List<String> in = new ArrayList<>(v.node().getInputList());
            in.set(0, v.ops().cast(places, DType.FLOAT32));
            String moved = v.ops()
                    .node(v.node().getOpType(), in, v.node().getAttributeList().toArray(new AttributeProto[0]));
            return v.ops().cast(moved, DType.INT64);
        }));
    }

    private static void compress(Visit v) {
        Ops o = v.ops();
        v.give(
                0,
                traced(
                        v,
                        true,
                        places -> o.node(
                                "Compress",
                                List.of(places, v.in(1)),
                                v.node().getAttributeList().toArray(new AttributeProto[0]))));
    }

    /**
     * Moves the elements' numbers as the node moves elements, and adds the gradient at these.
     *
     * @param once whether no element is there twice
     */
    static String traced(Visit v, boolean once, UnaryOperator<String> move) {
        Ops o = v.ops();
        String count = o.node("Size", List.of(v.x()));
        String places = o.node("Reshape", List.of(o.range(count), o.shape(v.x())));
        String moved = o.reshape(move.apply(places), -1);
        String flat = o.reshape(v.x(), -1);
        String placed = place(o, flat, moved, o.reshape(v.g(), -1), 0, once);
        return o.node("Reshape", List.of(placed, o.shape(v.x())));
    }
}
