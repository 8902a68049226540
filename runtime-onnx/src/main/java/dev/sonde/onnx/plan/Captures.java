package dev.sonde.onnx.plan;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Values of base runs that other programs start from; each has an id behind those of the experiment's own values. */
final class Captures {
    private final Map<Integer, Map<String, Integer>> byRun = new HashMap<>();
    private int next;

    Captures(int first) {
        this.next = first;
    }

    /** Returns the id of a value of a run, which is returned by the program that computes it. */
    int id(int run, String value) {
        return byRun.computeIfAbsent(run, unused -> new LinkedHashMap<>()).computeIfAbsent(value, unused -> next++);
    }

    /** Returns what is wanted of a run. */
    Map<String, Integer> of(int run) {
        return byRun.getOrDefault(run, Map.of());
    }
}
