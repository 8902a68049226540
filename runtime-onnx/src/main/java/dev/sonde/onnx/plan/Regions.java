package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Selection;
import dev.sonde.graph.Selection.Pick;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Emits selections. Indices and masks are inputs, so that one session serves all positions. */
final class Regions {
    private final Emitter emitter;
    private final Layout layout;

    Regions(Emitter emitter) {
        this.emitter = emitter;
        this.layout = new Layout(emitter);
    }

    /** Returns the region's own value. */
    String select(String from, ValueType type, Selection selection) {
        String x = from;
        List<Pick> picks = new ArrayList<>(selection.picks());
        picks.sort(Comparator.comparingInt(Pick::axis).reversed()); // the axes below keep their numbers
        for (Pick pick : picks) {
            int rank = type.rank()
                    - (int) picks.stream()
                            .filter(p -> p.single() && p.axis() > pick.axis())
                            .count();
            x = pick.perRow() ? perRow(x, rank, pick) : gather(x, pick);
        }
        return x;
    }

    private String gather(String x, Pick pick) {
        List<Long> indices = pick.rows().get(0);
        String index = pick.single() ? emitter.given(Tensor.of(new long[] {indices.get(0)})) : emitter.list(indices);
        return emitter.node("Gather", List.of(x, index), Attributes.of("axis", pick.axis()));
    }

    private String perRow(String x, int rank, Pick pick) {
        if (pick.axis() == 0) {
            throw new SondeException("bad-selection", "Rows cannot pick rows: " + pick);
        }
        Tensor places = places(pick.rows());
        Tensor indices = pick.single() ? Tensor.of(places.toLongs(), pick.rows().size(), 2) : places;
        String picked = gatherRows(toFront(x, rank, pick.axis()), emitter.given(indices));
        return pick.single() ? picked : fromFront(picked, rank, pick.axis());
    }

    /** Returns the places of indices in axes 0 and 1, for each index of axis 0 its own: {@code [rows, count, 2]}. */
    static Tensor places(List<List<Long>> rows) {
        int count = rows.get(0).size();
        long[] places = new long[rows.size() * count * 2];
        for (int i = 0; i < places.length; i += 2) {
            int row = i / 2 / count;
            places[i] = row;
            places[i + 1] = rows.get(row).get(i / 2 % count);
        }
        return Tensor.of(places, rows.size(), count, 2);
    }

    /** Gathers along axis 1, for each index of axis 0 its own. */
    private String gatherRows(String x, String indices) {
        needsRowsApart(emitter.opset());
        return emitter.node("GatherND", List.of(x, indices));
    }

    static void needsRowsApart(int opset) {
        if (opset < 11) {
            throw new SondeException(
                    "unsupported-operator",
                    "Positions that differ from row to row need opset 11 but this file has opset " + opset
                            + ": expected runs of one row each");
        }
    }

    private String toFront(String x, int rank, int axis) {
        return axis == 1 ? x : layout.transpose(x, moved(rank, axis, 1));
    }

    private String fromFront(String x, int rank, int axis) {
        return axis == 1 ? x : layout.transpose(x, moved(rank, 1, axis));
    }

    private static List<Integer> moved(int rank, int from, int to) {
        List<Integer> order = new ArrayList<>(IntStream.range(0, rank).boxed().toList());
        order.add(to, order.remove(from));
        return order;
    }

    /** Returns {@code into} with the region replaced. */
    String put(String into, ValueType type, String value, ValueType valueType, Selection selection) {
        if (selection.picks().isEmpty()) {
            return emitter.node("Expand", List.of(value, emitter.node("Shape", List.of(into))));
        }
        return layout.where(mask(type, selection), spread(type, value, valueType, selection), into, type.dtype());
    }

    private String mask(ValueType type, Selection selection) {
        String mask = "";
        for (Pick pick : selection.picks()) {
            String next = emitter.given(mask(type, pick));
            mask = mask.isEmpty() ? next : emitter.node("And", List.of(mask, next));
        }
        return mask;
    }

    private static Tensor mask(ValueType type, Pick pick) {
        int size = size(type, pick.axis());
        long[] shape = new long[type.rank()];
        java.util.Arrays.fill(shape, 1);
        shape[pick.axis()] = size;
        if (pick.perRow()) {
            shape[0] = pick.rows().size();
        }
        boolean[] picked = new boolean[size * pick.rows().size()];
        for (int row = 0; row < pick.rows().size(); row++) {
            for (long index : pick.rows().get(row)) {
                picked[row * size + (int) index] = true;
            }
        }
        return Tensor.of(picked, shape);
    }

    private static int size(ValueType type, int axis) {
        long size = type.dims().get(axis).size();
        if (size == Dim.UNKNOWN) {
            throw new SondeException(
                    "unknown-size",
                    "Cannot replace a region along axis " + axis + " of " + type
                            + ": its size is known only in the run");
        }
        return (int) size;
    }

    /** Lays the region's value out over the whole value: what lies outside the mask does not matter. */
    private String spread(ValueType type, String value, ValueType valueType, Selection selection) {
        List<Integer> kept =
                new ArrayList<>(IntStream.range(0, type.rank()).boxed().toList());
        selection.picks().stream().filter(Pick::single).forEach(pick -> kept.remove((Integer) pick.axis()));
        List<Integer> covered = kept.subList(kept.size() - valueType.rank(), kept.size());
        int first = covered.isEmpty() ? type.rank() : covered.get(0);
        List<Integer> singles = IntStream.range(first, type.rank())
                .filter(axis -> !covered.contains(axis))
                .mapToObj(axis -> axis - first)
                .toList();
        String x = layout.unsqueeze(value, singles);
        for (Pick pick : selection.picks()) {
            int at = covered.indexOf(pick.axis());
            if (at >= 0 && valueType.dims().get(at).size() != 1) {
                x = pick.perRow()
                        ? spreadRows(x, type, pick, first)
                        : emitter.node(
                                "Gather",
                                List.of(
                                        x,
                                        emitter.list(places(
                                                size(type, pick.axis()),
                                                pick.rows().get(0)))),
                                Attributes.of("axis", pick.axis() - first));
            }
        }
        return x;
    }

    private String spreadRows(String value, ValueType type, Pick pick, int first) {
        int rank = type.rank();
        int size = size(type, pick.axis());
        List<List<Long>> rows =
                pick.rows().stream().map(row -> places(size, row)).toList();
        String x = layout.unsqueeze(value, IntStream.range(0, first).boxed().toList());
        List<Long> batch = new ArrayList<>(java.util.Collections.nCopies(rank, 1L));
        batch.set(0, (long) pick.rows().size());
        x = emitter.node("Expand", List.of(x, emitter.list(batch)));
        String spread = gatherRows(toFront(x, rank, pick.axis()), emitter.given(places(rows)));
        return fromFront(spread, rank, pick.axis());
    }

    /** Returns for each index of the axis its place in the list, 0 for those that are not in it. */
    private static List<Long> places(int size, List<Long> picked) {
        List<Long> places = new ArrayList<>(java.util.Collections.nCopies(size, 0L));
        for (int i = 0; i < picked.size(); i++) {
            places.set(picked.get(i).intValue(), (long) i);
        }
        return places;
    }
}
