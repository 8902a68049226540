package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.sonde.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;

/** Operators that move elements about and change none. */
final class FormRules {
    private FormRules() {}

    static void add(Map<String, Rule> table) {
        for (String type : List.of("Reshape", "Flatten", "Squeeze", "Unsqueeze")) {
            table.put(type, Rule.first(v -> v.give(0, v.ops().reshapeAs(v.g(), v.x()))));
        }
        table.put("Transpose", Rule.first(FormRules::transpose));
        table.put("com.microsoft:RotaryEmbedding", Rule.first(v -> rotary(v, 3)));
        table.put("RotaryEmbedding", Rule.first(v -> rotary(v, 2)));
        table.put("Expand", Rule.first(v -> v.giveSummed(0, v.g())));
        table.put("Tile", Rule.first(FormRules::tile));
        table.put("Concat", Rule.all(FormRules::concat));
        table.put("Split", Rule.first(FormRules::split));
        table.put("Slice", Rule.first(FormRules::slice));
        table.put("Pad", Rule.first(FormRules::pad));
        table.put("Trilu", Rule.first(FormRules::trilu));
        table.put("DepthToSpace", Rule.first(FormRules::depthToSpace));
        table.put("SpaceToDepth", Rule.first(FormRules::spaceToDepth));
        table.put("ReverseSequence", Rule.first(v -> v.give(0, again(v, List.of(v.g(), v.in(1))))));
    }

    /** Returns the node's operator applied to other inputs. */
    private static String again(Visit v, List<String> in) {
        return v.ops()
                .node(v.node().getOpType(), in, v.node().getAttributeList().toArray(new AttributeProto[0]));
    }

    private static void transpose(Visit v) {
        List<Long> perm = Attrs.wholes(v.node(), "perm");
        int rank = v.ops().rank(v.x());
        List<Long> back = new ArrayList<>();
        for (long i = 0; i < rank; i++) {
            back.add(perm.isEmpty() ? rank - 1 - i : perm.indexOf(i));
        }
        v.give(0, v.ops().transpose(v.g(), back));
    }

    /** Pairs are turned back: by the same angles, of which the sines, at {@code sine}, have the other sign. */
    private static void rotary(Visit v, int sine) {
        List<String> in = new ArrayList<>(v.node().getInputList());
        in.set(0, v.g());
        in.set(sine, v.ops().neg(v.in(sine)));
        AttributeProto[] attributes = v.node().getAttributeList().toArray(new AttributeProto[0]);
        v.give(
                0,
                v.ops()
                        .nodes(v.node().getDomain(), "RotaryEmbedding", 1, in, attributes)
                        .get(0));
    }

    /** Lays each repetition along an axis of its own, and sums over these. */
    private static void tile(Visit v) {
        Ops o = v.ops();
        String times = o.unsqueeze(v.in(1), List.of(1L));
        String sizes = o.unsqueeze(o.shape(v.x()), List.of(1L));
        String both = o.reshape(o.concat(List.of(times, sizes), 1), -1);
        List<Long> axes =
                LongStream.range(0, o.rank(v.x())).map(i -> 2 * i).boxed().toList();
        v.give(0, o.reduceSum(o.node("Reshape", List.of(v.g(), both)), axes, false));
    }

    private static void concat(Visit v) {
        Ops o = v.ops();
        long axis = v.axis(0);
        String start = o.ints(0);
        for (int i = 0; i < v.inputs(); i++) {
            String end = o.add(start, o.slice(o.shape(v.in(i)), 0, axis, axis + 1));
            if (v.wants(i)) {
                v.give(i, known(v, i, axis).orElse(o.slice(v.g(), axis, start, end)));
            }
            start = end;
        }
    }

    /** The part of a gradient that belongs to an input, where all sizes are known. */
    private static Optional<String> known(Visit v, int input, long axis) {
        long start = 0;
        for (int i = 0; i <= input; i++) {
            long size = v.ops().size(v.in(i), (int) axis);
            if (size == TensorType.UNKNOWN) {
                return Optional.empty();
            }
            start += i < input ? size : 0;
        }
        long end = start + v.ops().size(v.in(input), (int) axis);
        return Optional.of(
                v.ops().slice(v.g(), axis, v.ops().sizes(start), v.ops().sizes(end)));
    }

    private static void split(Visit v) {
        Ops o = v.ops();
        List<String> parts = new ArrayList<>();
        for (int i = 0; i < v.node().getOutputCount(); i++) {
            String g = v.g(i);
            parts.add(g == null ? o.zeros(v.node().getOutput(i)) : g);
        }
        v.give(0, o.concat(parts, v.axis(0)));
    }

    private static void slice(Visit v) {
        Optional<List<Long>> pads = pads(v);
        if (pads.isPresent()) {
            v.give(0, v.ops().padded(v.g(), pads.get()));
            return;
        }
        List<Long> axes = sliced(v);
        if (axes.size() == 1) {
            v.give(0, scattered(v, v.g(), axes.get(0)));
        } else {
            v.give(0, IndexRules.traced(v, true, places -> again(v, with(v, places))));
        }
    }

    private static List<Long> sliced(Visit v) {
        List<Long> attribute = Attrs.wholes(v.node(), "axes");
        int rank = v.ops().rank(v.x());
        return list(v, 3)
                .orElseGet(() -> attribute.isEmpty()
                        ? LongStream.range(0, starts(v).map(List::size).orElse(rank))
                                .boxed()
                                .toList()
                        : attribute)
                .stream()
                .map(axis -> axis < 0 ? axis + rank : axis)
                .toList();
    }

    private static Optional<List<Long>> starts(Visit v) {
        return v.has(1) ? list(v, 1) : Optional.of(Attrs.wholes(v.node(), "starts"));
    }

    private static Optional<List<Long>> list(Visit v, int input) {
        return v.has(input)
                ? v.ops()
                        .numbers(v.in(input))
                        .map(Tensor::toLongs)
                        .map(list -> LongStream.of(list).boxed().toList())
                : Optional.empty();
    }

    /** How many zeros belong around a slice's gradient, if that is known. */
    private static Optional<List<Long>> pads(Visit v) {
        Optional<List<Long>> starts = starts(v);
        Optional<List<Long>> ends = v.has(2) ? list(v, 2) : Optional.of(Attrs.wholes(v.node(), "ends"));
        boolean steps = v.has(4) && !list(v, 4).orElse(List.of(2L)).stream().allMatch(step -> step == 1);
        if (starts.isEmpty() || ends.isEmpty() || steps) {
            return Optional.empty();
        }
        int rank = v.ops().rank(v.x());
        List<Long> pads = new ArrayList<>(java.util.Collections.nCopies(2 * rank, 0L));
        List<Long> axes = sliced(v);
        for (int i = 0; i < axes.size(); i++) {
            int axis = axes.get(i).intValue();
            long size = v.ops().size(v.x(), axis);
            if (size == TensorType.UNKNOWN) {
                return Optional.empty();
            }
            long start = Types.within(starts.get().get(i), size);
            pads.set(axis, start);
            pads.set(rank + axis, size - Math.max(start, Types.within(ends.get().get(i), size)));
        }
        return Optional.of(pads);
    }

    /** Slices the numbers of the axis in the same way, and puts the gradient at these. */
    private static String scattered(Visit v, String g, long axis) {
        Ops o = v.ops();
        String size = o.slice(o.shape(v.x()), 0, axis, axis + 1);
        String all = o.range(o.squeeze(size, List.of(0L)));
        List<String> in = new ArrayList<>(List.of(
                all,
                v.has(1) ? v.in(1) : o.ints(Attrs.wholes(v.node(), "starts")),
                v.has(2) ? v.in(2) : o.ints(Attrs.wholes(v.node(), "ends")),
                o.ints(0)));
        if (v.has(4)) {
            in.add(v.in(4));
        }
        return IndexRules.place(o, v.x(), o.node("Slice", in), g, axis, true);
    }

    private static void pad(Visit v) {
        Ops o = v.ops();
        String mode = Attrs.text(v.node(), "mode", "constant");
        if (!mode.equals("constant")) {
            v.give(0, IndexRules.traced(v, false, places -> {
                List<String> in = with(v, places);
                if (in.size() > 2) {
                    in.set(2, ""); // a constant that is not used
                }
                return again(v, in);
            }));
            return;
        }
        if (!v.has(1)) { // before opset 11
            List<Long> pads =
                    Attrs.wholes(v.node(), "pads").stream().map(pad -> -pad).toList();
            v.give(0, o.padded(v.g(), pads));
            return;
        }
        // what was added is cut off, what was cut off is zeros
        String pads = list(v, 1)
                .map(known -> o.sizes(known.stream().map(pad -> -pad).toList()))
                .orElseGet(() -> o.neg(v.in(1)));
        v.give(0, o.node("Pad", v.has(3) ? List.of(v.g(), pads, "", v.in(3)) : List.of(v.g(), pads)));
    }

    private static List<String> with(Visit v, String first) {
        List<String> in = new ArrayList<>(v.node().getInputList());
        in.set(0, first);
        return in;
    }

    private static void trilu(Visit v) {
        List<String> in = v.has(1) ? List.of(v.g(), v.in(1)) : List.of(v.g());
        v.give(0, again(v, in));
    }

    private static void depthToSpace(Visit v) {
        Ops o = v.ops();
        long block = Attrs.whole(v.node(), "blocksize", 1);
        if (Attrs.text(v.node(), "mode", "DCR").equals("DCR")) {
            v.give(0, o.node("SpaceToDepth", List.of(v.g()), Attrs.of("blocksize", block)));
            return;
        }
        String sizes = o.shape(v.x());
        String rows = o.slice(sizes, 0, 2, 3);
        String columns = o.slice(sizes, 0, 3, 4);
        String split = o.concat(List.of(o.ints(0, -1), rows, o.ints(block), columns, o.ints(block)), 0);
        String turned = o.transpose(o.node("Reshape", List.of(v.g(), split)), List.of(0L, 1L, 3L, 5L, 2L, 4L));
        v.give(0, o.reshapeAs(turned, v.x()));
    }

    private static void spaceToDepth(Visit v) {
        long block = Attrs.whole(v.node(), "blocksize", 1);
        v.give(0, v.ops().node("DepthToSpace", List.of(v.g()), Attrs.of("blocksize", block)));
    }
}
