package dev.sonde.cli.conformance;

import java.util.EnumMap;
import java.util.Map;

/** How many cases ended in which way. */
public final class Tally {
    private final Map<Outcome.Verdict, Integer> counts = new EnumMap<>(Outcome.Verdict.class);

    /** Counts one more. */
    public void add(Outcome outcome) {
        counts.merge(outcome.verdict(), 1, Integer::sum);
    }

    /** Returns how many ended so. */
    public int count(Outcome.Verdict verdict) {
        return counts.getOrDefault(verdict, 0);
    }

    /** Returns the line that ends a report. */
    @Override
    public String toString() {
        int refused = count(Outcome.Verdict.REFUSED);
        return (count(Outcome.Verdict.PASSED) + refused) + " passed (" + refused + " by required refusal), "
                + count(Outcome.Verdict.FAILED) + " failed, " + count(Outcome.Verdict.UNSUPPORTED) + " unsupported";
    }
}
