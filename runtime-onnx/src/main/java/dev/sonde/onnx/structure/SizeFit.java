package dev.sonde.onnx.structure;

import dev.sonde.manifest.Size;
import dev.sonde.manifest.Size.Term;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** Finds the formula behind a size that was seen under several settings of the input sizes. */
final class SizeFit {
    private final List<Map<String, Long>> settings;
    private final List<Size> candidates = new ArrayList<>();

    SizeFit(List<String> symbols, List<Map<String, Long>> settings) {
        this.settings = settings;
        symbols.forEach(each -> candidates.add(Size.symbol(each)));
        for (int i = 0; i < symbols.size(); i++) {
            for (int j = i + 1; j < symbols.size(); j++) {
                candidates.add(sum(symbols.get(i), symbols.get(j)));
                candidates.add(new Size(List.of(new Term(1, List.of(symbols.get(i), symbols.get(j))))));
            }
        }
    }

    /** Sorted, so that equal sums are equal sizes. */
    private static Size sum(String... symbols) {
        return new Size(Stream.of(symbols)
                .sorted()
                .map(each -> new Term(1, List.of(each)))
                .toList());
    }

    /** Returns the simplest formula that gives each of the sizes under its setting. */
    Size fit(long[] seen) {
        if (same(seen, new long[seen.length])) {
            return Size.of(seen[0]);
        }
        for (Size candidate : candidates) {
            if (same(seen, values(candidate))) {
                return candidate;
            }
        }
        for (Size candidate : candidates) {
            Size found = scaledOrMoved(seen, candidate);
            if (!found.equals(Size.UNKNOWN)) {
                return found;
            }
        }
        return Size.UNKNOWN;
    }

    private Size scaledOrMoved(long[] seen, Size candidate) {
        long[] base = values(candidate);
        long factor = base[0] == 0 ? 0 : seen[0] / base[0];
        long[] scaled = base.clone();
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] *= factor;
        }
        if (factor > 1 && same(seen, scaled)) {
            return new Size(candidate.terms().stream()
                    .map(each -> new Term(factor * each.factor(), each.symbols()))
                    .toList());
        }
        List<Term> moved = new ArrayList<>(candidate.terms());
        moved.add(new Term(seen[0] - base[0], List.of()));
        return constantDifference(seen, base) ? new Size(moved) : Size.UNKNOWN;
    }

    /** Two settings with equal seen sizes say nothing, so a formula must hold for all and differ for some. */
    private static boolean same(long[] seen, long[] expected) {
        boolean constant = java.util.Arrays.stream(expected).allMatch(each -> each == 0);
        for (int i = 0; i < seen.length; i++) {
            if (seen[i] != (constant ? seen[0] : expected[i])) {
                return false;
            }
        }
        return true;
    }

    private static boolean constantDifference(long[] seen, long[] base) {
        for (int i = 1; i < seen.length; i++) {
            if (seen[i] - base[i] != seen[0] - base[0]) {
                return false;
            }
        }
        return true;
    }

    private long[] values(Size size) {
        return settings.stream()
                .map(size::in)
                .mapToLong(OptionalLong::getAsLong)
                .toArray();
    }
}
