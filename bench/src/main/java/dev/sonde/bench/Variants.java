package dev.sonde.bench;

import java.util.LinkedHashMap;
import java.util.Map;

/** Ways to do one workload, in one process, which take turns. The first is what the others are a ratio to. */
final class Variants {
    private final String workload;
    private final Map<String, Work> works = new LinkedHashMap<>();
    private final Map<String, String> references = new LinkedHashMap<>();
    private double divisor = 1;
    private String raw = "";

    Variants(String workload) {
        this.workload = workload;
    }

    /** Adds what the others are a ratio to. */
    Variants raw(String name, Work work) {
        raw = name;
        works.put(name, work);
        return this;
    }

    /** Adds work whose numbers nothing is known of. */
    Variants add(String name, Work work) {
        works.put(name, work);
        return this;
    }

    /** Adds work whose numbers must be those of that name in {@code reference.npz}. */
    Variants checked(String name, String reference, Work work) {
        references.put(name, reference);
        return add(name, work);
    }

    /** Says that the times of all but the first are of so many pieces of work. */
    Variants per(double count) {
        divisor = count;
        return this;
    }

    String workload() {
        return workload;
    }

    Map<String, Work> works() {
        return works;
    }

    String reference(String name) {
        return references.getOrDefault(name, "");
    }

    double divisor(String name) {
        return name.equals(raw) ? 1 : divisor;
    }

    String raw() {
        return raw;
    }
}
