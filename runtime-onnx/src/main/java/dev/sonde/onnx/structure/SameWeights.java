package dev.sonde.onnx.structure;

import dev.sonde.onnx.file.Constant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Knows a weight again: exporters may write a matrix down anew, transposed, for each call of its module. */
final class SameWeights {
    private final Graph graph;
    private final Map<String, String> sources = new HashMap<>();
    private final Map<String, List<String>> matrices = new HashMap<>();

    SameWeights(Graph graph) {
        this.graph = graph;
    }

    /** Returns the first weight that nodes of this kind in this place read and that has the same numbers. */
    String source(String place, int node, String value) {
        return sources.computeIfAbsent(place + " " + value, unused -> {
            Optional<Constant> matrix = graph.file.constant(value).filter(each -> each.shape().length > 1);
            if (matrix.isEmpty()) {
                return value;
            }
            String alike = place + " " + graph.op(node) + " "
                    + Arrays.toString(matrix.get().shape());
            List<String> others = matrices.computeIfAbsent(alike, none -> new ArrayList<>());
            Optional<String> same =
                    others.stream().filter(other -> isSame(other, matrix.get())).findFirst();
            if (same.isEmpty()) {
                others.add(value);
            }
            return same.orElse(value);
        });
    }

    private boolean isSame(String other, Constant matrix) {
        return graph.file
                .constant(other)
                .filter(each -> each.bytes().equals(matrix.bytes()))
                .isPresent();
    }

    /** Returns whether the value is a constant of more than one float. */
    static boolean isWeight(Graph graph, String value) {
        return graph.file
                .constant(value)
                .filter(each -> each.dtype().map(dtype -> dtype.isFloat()).orElse(false))
                .filter(each -> Arrays.stream(each.shape()).reduce(1, (a, b) -> a * b) > 1)
                .isPresent();
    }
}
