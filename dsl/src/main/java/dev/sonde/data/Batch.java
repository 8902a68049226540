package dev.sonde.data;

import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Rows that are one experiment.
 *
 * @param first number of the first row
 * @param rows how many there are
 * @param graph the experiment
 * @param divide what it saves, by row
 */
record Batch(
        long first,
        int rows,
        InterventionGraph graph,
        Function<Map<String, Tensor>, List<Map<String, Tensor>>> divide) {
    List<RowResult> results(Map<String, Tensor> saved) {
        List<Map<String, Tensor>> divided = divide.apply(saved);
        return java.util.stream.IntStream.range(0, rows)
                .mapToObj(i -> new RowResult(first + i, divided.get(i)))
                .toList();
    }
}
