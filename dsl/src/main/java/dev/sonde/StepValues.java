package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Which values belong to generations, and what positions mean there: they are absolute over prompt and new tokens, and a step
 * computes some of them only. A region that a step does not compute is <em>absent</em>: writing it does nothing, because the
 * step that computes it has done so, and reading it keeps nothing.
 */
final class StepValues {
    private final List<Integer> steps = new ArrayList<>();
    private final List<Integer> shown = new ArrayList<>();
    private final BitSet absent = new BitSet();
    private final BitSet partial = new BitSet();

    /** Thrown through a user's lambda when steps that are recorded together must be recorded apart. */
    static final class Apart extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient List<List<Long>> groups;

        Apart(List<List<Long>> groups) {
            super("steps must be recorded apart", null, false, false);
            this.groups = groups;
        }

        List<List<Long>> groups() {
            return groups;
        }
    }

    /**
     * What selectors mean for a value.
     *
     * @param selection the region; where a row has none of it, any indices
     * @param present whether each row has it; one element if all rows are alike
     */
    record Region(Selection selection, List<Boolean> present) {
        boolean isAbsent() {
            return !present.contains(true);
        }

        boolean isPartial() {
            return present.contains(true) && present.contains(false);
        }
    }

    /** Notes the value that comes next. */
    void add(int id, Node node, List<RunInput> runs) {
        truncate(id);
        steps.add(-1); // in case of a mistake
        shown.add(-1);
        steps.set(id, ShapeRules.steps(runs, node, steps::get));
        shown.set(id, shownBy(id, node, runs));
        absent.set(id, node.inputs().stream().anyMatch(absent::get) && !(node instanceof Node.OverSteps));
        partial.set(id, node.inputs().stream().anyMatch(partial::get));
    }

    private int shownBy(int id, Node node, List<RunInput> runs) {
        if (steps.get(id) >= 0) {
            return steps.get(id);
        }
        if (node instanceof Node.Read read && runs.get(read.run()) instanceof RunInput.Generation) {
            return read.run();
        }
        return node instanceof Node.OverSteps || node instanceof Node.Constant
                ? -1
                : node.inputs().stream()
                        .map(shown::get)
                        .filter(run -> run >= 0)
                        .findFirst()
                        .orElse(-1);
    }

    /** Forgets all values from {@code size} on. */
    void truncate(int size) {
        while (steps.size() > size) {
            steps.remove(steps.size() - 1);
            shown.remove(shown.size() - 1);
        }
        absent.clear(size, Math.max(size, absent.length()));
        partial.clear(size, Math.max(size, partial.length()));
    }

    /** Returns the run of steps that a value is computed in, -1 if it is not in steps. */
    int steps(int id) {
        return steps.get(id);
    }

    boolean isAbsent(int id) {
        return absent.get(id);
    }

    boolean isPartial(int id) {
        return partial.get(id);
    }

    /** Returns whether a value depends on a pass of a generation, the prompt pass included. */
    boolean isOfGeneration(int id) {
        return shown.get(id) >= 0;
    }

    /** Returns whether a value is computed in that pass of a generation. */
    boolean isOf(int run, int id) {
        return shown.get(id) == run;
    }

    /** Says that a value is whole, whatever it was made from. */
    void settle(int id) {
        absent.clear(id);
        partial.clear(id);
    }

    void mark(int id, Region region) {
        absent.set(id, absent.get(id) || region.isAbsent());
        partial.set(id, partial.get(id) || region.isPartial());
    }

    /** Returns what selectors mean for a value. */
    Region region(int id, ValueType type, boolean raw, List<Selector> selectors, List<RunInput> runs) {
        int run = shown.get(id);
        if (run < 0) {
            return new Region(Selections.resolve(type, raw, selectors), List.of(true));
        }
        RunInput.Steps later = runs.get(run) instanceof RunInput.Steps each ? each : null;
        int generation = later == null ? run : later.generation();
        List<Long> lengths =
                ((RunInput.Generation) runs.get(generation)).prompt().lengths();
        List<Boolean> present = List.of(true);
        List<Selector> plain = new ArrayList<>();
        for (Selector selector : selectors) {
            if (selector instanceof Selector.OfRows) {
                throw new SondeException(
                        "unsupported-in-steps",
                        "Indices of each row cannot be selected inside a generation: expected one selector for all rows");
            }
            boolean absolute = !(selector instanceof Selector.Newest) && isPrompt(selector);
            if (absolute) {
                int axis = Selections.axis(type, axisOf(selector));
                List<Boolean> rows = later == null
                        ? inPrompt(selector, lengths)
                        : together(
                                selector, lengths, later, type.names().get(axis).equals("key"));
                present = both(present, rows);
                plain.add(later == null ? clamped(selector, rows) : own(selector, type, axis));
            } else {
                plain.add(selector);
            }
        }
        return new Region(Selections.resolve(type, raw, plain), present);
    }

    private static boolean isPrompt(Selector selector) {
        return selector instanceof Selector.Indices indices ? indices.prompt() : ((Selector.Stretch) selector).prompt();
    }

    private static String axisOf(Selector selector) {
        return selector instanceof Selector.Indices indices ? indices.axis() : ((Selector.Stretch) selector).axis();
    }

    private static List<Boolean> both(List<Boolean> a, List<Boolean> b) {
        List<Boolean> both = new ArrayList<>();
        for (int i = 0; i < Math.max(a.size(), b.size()); i++) {
            both.add(a.get(a.size() == 1 ? 0 : i) && b.get(b.size() == 1 ? 0 : i));
        }
        return both.stream().distinct().count() == 1 ? both.subList(0, 1) : both;
    }

    /** Whether each row's prompt has the positions. */
    private static List<Boolean> inPrompt(Selector selector, List<Long> lengths) {
        return lengths.stream()
                .map(length -> LongStream.range(0, length).anyMatch(at -> covers(selector, at, length)))
                .toList();
    }

    private static boolean covers(Selector selector, long position, long promptLength) {
        if (selector instanceof Selector.Indices indices) {
            return indices.indices().stream().anyMatch(i -> (i < 0 ? i + promptLength : i) == position);
        }
        Selector.Stretch stretch = (Selector.Stretch) selector;
        long from = stretch.from() < 0 ? Math.max(0, stretch.from() + promptLength) : stretch.from();
        long to = stretch.to() < 0 ? stretch.to() + promptLength : stretch.to();
        return position >= from && position < to && (position - from) % stretch.step() == 0;
    }

    /** Positions of new tokens mean nothing in the prompt pass; all rows have some index all the same. */
    private static Selector clamped(Selector selector, List<Boolean> rows) {
        if (!rows.contains(false)) {
            return selector;
        }
        boolean single = selector instanceof Selector.Indices indices && indices.single();
        return new Selector.Indices(axisOf(selector), false, List.of(0L), single);
    }

    /** The step's own position has index 0, whichever it is. */
    private static Selector own(Selector selector, ValueType type, int axis) {
        if (type.dims().get(axis).size() != 1) {
            throw new SondeException(
                    "raw-positions",
                    "In steps of a generation the axis " + type.dims().get(axis) + " holds more than the step's own"
                            + " position: use index(...) or range(...) there");
        }
        boolean single = selector instanceof Selector.Indices indices && indices.single();
        return new Selector.Indices(axisOf(selector), false, List.of(0L), single);
    }

    /** Whether each row computes the positions in these steps; if that differs from step to step, they must go apart. */
    private static List<Boolean> together(Selector selector, List<Long> lengths, RunInput.Steps later, boolean keys) {
        Map<List<Boolean>, List<Long>> groups = new LinkedHashMap<>();
        for (RunInput.Range range : later.steps()) {
            for (long step = range.from(); step < range.to(); step++) {
                long now = step;
                List<Boolean> rows = lengths.stream()
                        .map(length -> keys || covers(selector, length - 1 + now, length))
                        .toList();
                groups.computeIfAbsent(rows, unused -> new ArrayList<>()).add(step);
            }
        }
        if (groups.size() > 1) {
            throw new Apart(List.copyOf(groups.values()));
        }
        return groups.keySet().iterator().next();
    }
}
