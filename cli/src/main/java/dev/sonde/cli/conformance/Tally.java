package dev.sonde.cli.conformance;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** How many cases ended in which way. */
public final class Tally {
    private final Map<Outcome.Verdict, List<String>> cases = new EnumMap<>(Outcome.Verdict.class);

    /** Counts one more: a case, as {@code model/file/case}. */
    public void add(String name, Outcome outcome) {
        cases.computeIfAbsent(outcome.verdict(), unused -> new ArrayList<>()).add(name);
    }

    /** Returns those that ended so, in the order in which they ran. */
    public List<String> cases(Outcome.Verdict verdict) {
        return List.copyOf(cases.getOrDefault(verdict, List.of()));
    }

    /** Returns how many ended so. */
    public int count(Outcome.Verdict verdict) {
        return cases(verdict).size();
    }

    /** Returns the line that ends a report. */
    @Override
    public String toString() {
        int refused = count(Outcome.Verdict.REFUSED);
        return (count(Outcome.Verdict.PASSED) + refused) + " passed (" + refused + " by required refusal), "
                + count(Outcome.Verdict.FAILED) + " failed, " + count(Outcome.Verdict.UNSUPPORTED) + " unsupported";
    }
}
