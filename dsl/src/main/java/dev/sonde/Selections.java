package dev.sonde;

import dev.sonde.graph.Dim;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.LongStream;

/** Resolves selectors by name and from the end into the plain indices of a {@link Selection}. */
final class Selections {
    private Selections() {}

    static Selection resolve(ValueType type, boolean raw, List<Selector> selectors) {
        List<Selection.Pick> picks = new ArrayList<>();
        for (Selector selector : selectors) {
            if (selector instanceof Selector.Newest newest && !newest.single()) {
                axis(type, newest.axis());
                continue;
            }
            Selection.Pick pick = pick(type, raw, selector);
            if (picks.stream().anyMatch(other -> other.axis() == pick.axis())) {
                throw new SondeException("bad-selection", "Two selectors for one axis of " + type + ": " + selectors);
            }
            picks.add(pick);
        }
        addOwnPositions(type, picks);
        picks.sort(Comparator.comparingInt(Selection.Pick::axis));
        return new Selection(picks);
    }

    /** Rows of one length have no padding: what is selected ends where they end. */
    private static void addOwnPositions(ValueType type, List<Selection.Pick> picks) {
        List<Long> rows = picks.stream()
                .filter(pick -> pick.axis() == 0 && type.isRagged())
                .flatMap(pick -> pick.rows().get(0).stream())
                .map(row -> type.lengths().get(row.intValue()))
                .distinct()
                .toList();
        for (int i = 1; i < type.rank() && rows.size() == 1; i++) {
            int axis = i;
            if (type.dims().get(i).isOfPositions() && picks.stream().noneMatch(pick -> pick.axis() == axis)) {
                List<Long> own = LongStream.range(0, rows.get(0)).boxed().toList();
                picks.add(new Selection.Pick(axis, false, List.of(own)));
            }
        }
    }

    /** Returns the axis called {@code name}, or that the number {@code name} means. */
    static int axis(ValueType type, String name) {
        int named = type.axis(name);
        if (named >= 0) {
            return named;
        }
        String number = name.startsWith("dim") ? name.substring(3) : name;
        if (number.matches("-?\\d{1,3}")) {
            int at = Integer.parseInt(number);
            int axis = at < 0 ? at + type.rank() : at;
            if (axis >= 0 && axis < type.rank()) {
                return axis;
            }
        }
        throw new SondeException("unknown-axis", "No axis '" + name + "' in " + type);
    }

    private static Selection.Pick ofRows(ValueType type, boolean raw, Selector.OfRows selector) {
        int axis = axis(type, selector.axis());
        checkRaw(selector.axis(), selector.prompt() && raw);
        Dim dim = type.dims().get(axis);
        if (axis == 0 || type.dims().get(0).size() != selector.rows().size()) {
            throw new SondeException(
                    "bad-selection",
                    "Indices of each row: expected one list for each row of " + type + " but was given "
                            + selector.rows().size());
        }
        boolean own = selector.prompt() && type.isRagged();
        List<List<Long>> rows = new ArrayList<>();
        for (int row = 0; row < selector.rows().size(); row++) {
            long length = own ? type.lengths().get(row) : dim.size();
            rows.add(selector.rows().get(row).stream()
                    .map(i -> checked(i, dim, length))
                    .toList());
        }
        return new Selection.Pick(axis, selector.single(), rows);
    }

    private static void checkRaw(String axis, boolean raw) {
        if (raw) {
            throw new SondeException(
                    "raw-positions",
                    "This run was given raw tensors, so its positions are not a prompt's: use index(\"" + axis
                            + "\", ...) or range(\"" + axis + "\", ...)");
        }
    }

    private static Selection.Pick pick(ValueType type, boolean raw, Selector given) {
        if (given instanceof Selector.OfRows each) {
            return ofRows(type, raw, each);
        }
        Selector selector = given instanceof Selector.Newest newest
                ? new Selector.Indices(newest.axis(), !raw, List.of(-1L), true)
                : given;
        String name =
                selector instanceof Selector.Indices indices ? indices.axis() : ((Selector.Stretch) selector).axis();
        boolean prompt = selector instanceof Selector.Indices indices
                ? indices.prompt()
                : ((Selector.Stretch) selector).prompt();
        checkRaw(name, prompt && raw);
        int axis = axis(type, name);
        Dim dim = type.dims().get(axis);
        if (prompt && type.isRagged()) {
            List<List<Long>> rows = new ArrayList<>();
            type.lengths().forEach(length -> rows.add(indices(selector, dim, length)));
            boolean same = rows.stream().distinct().count() == 1;
            return new Selection.Pick(axis, single(selector), same ? rows.subList(0, 1) : rows);
        }
        return new Selection.Pick(axis, single(selector), List.of(indices(selector, dim, dim.size())));
    }

    private static boolean single(Selector selector) {
        return selector instanceof Selector.Indices indices && indices.single();
    }

    static List<Long> indices(Selector selector, Dim dim, long length) {
        if (length == Dim.UNKNOWN && selector instanceof Selector.Stretch) {
            throw new SondeException(
                    "unknown-size",
                    "A stretch of axis " + dim + " cannot be selected: its size is known only in the run; expected"
                            + " single indices");
        }
        if (selector instanceof Selector.Indices indices) {
            return indices.indices().stream().map(i -> checked(i, dim, length)).toList();
        }
        Selector.Stretch stretch = (Selector.Stretch) selector;
        long from = clamp(stretch.from(), length);
        long to = clamp(stretch.to(), length);
        return LongStream.range(from, Math.max(from, to))
                .filter(i -> (i - from) % stretch.step() == 0)
                .boxed()
                .toList();
    }

    private static long checked(long index, Dim dim, long length) {
        if (length == Dim.UNKNOWN) {
            return index; // what is negative still counts from the end
        }
        long at = index < 0 ? index + length : index;
        if (at < 0 || at >= length) {
            throw new SondeException(
                    "index-outside",
                    "Index " + index + " is outside axis " + dim + ": expected " + -length + " to " + (length - 1));
        }
        return at;
    }

    private static long clamp(long bound, long length) {
        return Math.max(0, Math.min(length, bound < 0 ? bound + length : bound));
    }
}
