package dev.sonde.onnx.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One place at which a program edits: what its runs write there, at most one write of each. Runs are rows of one batch, and
 * rows do not see each other, so writes of different runs at one place are one edit of the model.
 *
 * @param place where
 * @param ordinal which of the writes of a run at this point it is, from 0
 * @param edits the writes
 */
record Rewrite(Place place, int ordinal, List<Edit> edits) {
    private static final Comparator<Rewrite> ORDER = Comparator.comparingInt(
                    (Rewrite rewrite) -> rewrite.place().point().stage())
            .thenComparingInt(rewrite -> rewrite.place().point().rank())
            .thenComparingInt(Rewrite::ordinal);

    Rewrite {
        edits = List.copyOf(edits);
    }

    /** Which writes meet in one. */
    private record Key(Place place, int ordinal) {}

    private record Counter(int run, String value, Point point) {}

    /** Returns the edits of each value in the order in which they happen along its wire. */
    static Map<String, List<Rewrite>> of(List<Edit> edits) {
        Map<Counter, Integer> counts = new HashMap<>();
        Map<Key, List<Edit>> met = new LinkedHashMap<>();
        edits.stream().sorted(Comparator.comparingInt(Edit::version)).forEach(edit -> {
            Place place = edit.place();
            int ordinal = counts.merge(new Counter(edit.run(), place.value(), place.point()), 1, Integer::sum) - 1;
            met.computeIfAbsent(new Key(place, ordinal), unused -> new ArrayList<>())
                    .add(edit);
        });
        Map<String, List<Rewrite>> byValue = new LinkedHashMap<>();
        met.forEach((key, same) -> byValue.computeIfAbsent(key.place().value(), unused -> new ArrayList<>())
                .add(new Rewrite(key.place(), key.ordinal(), same)));
        byValue.values().forEach(list -> list.sort(ORDER));
        return byValue;
    }

    /** Returns what a run writes here. */
    Optional<Edit> of(int run) {
        return edits.stream().filter(edit -> edit.run() == run).findFirst();
    }
}
