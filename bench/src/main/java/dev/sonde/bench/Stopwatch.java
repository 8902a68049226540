package dev.sonde.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Times variants in turn, each round beginning with another. One whose first call takes more than 15 s is not repeated, and one
 * that has had its share of the time leaves the rounds, but not before its second repetition.
 */
final class Stopwatch {
    private static final double LONG = 15;

    private final int rounds;
    private final double budget;

    /**
     * @param rounds repetitions at most
     * @param budget seconds for all variants together
     */
    Stopwatch(int rounds, double budget) {
        this.rounds = rounds;
        this.budget = budget;
    }

    /** Returns the seconds of each call in rising order, by variant. */
    Map<String, double[]> time(Map<String, Work> variants, Map<String, Double> first) throws Exception {
        Map<String, List<Double>> times = new LinkedHashMap<>();
        variants.keySet().forEach(name -> times.put(name, new ArrayList<>()));
        first.forEach((name, seconds) -> {
            if (seconds > LONG) {
                of(name, times).add(seconds);
            }
        });
        for (int round = 0; round < rounds; round++) {
            List<String> live = new ArrayList<>(variants.keySet());
            live.removeIf(name -> first.getOrDefault(name, 0.0) > LONG || isDone(of(name, times), variants.size()));
            Collections.rotate(live, -round);
            for (String name : live) {
                of(name, times).add(seconds(of(name, variants)));
            }
        }
        Map<String, double[]> sorted = new LinkedHashMap<>();
        times.forEach((name, all) -> sorted.put(
                name, all.stream().mapToDouble(Double::doubleValue).sorted().toArray()));
        return sorted;
    }

    private static <T> T of(String name, Map<String, T> all) {
        return Objects.requireNonNull(all.get(name));
    }

    private boolean isDone(List<Double> times, int variants) {
        double sum = times.stream().mapToDouble(Double::doubleValue).sum();
        return times.size() >= 2 && sum > budget / variants;
    }

    static double seconds(Work work) throws Exception {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }

    static double median(double... sorted) {
        return sorted[sorted.length / 2];
    }

    static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        return median(sorted);
    }
}
