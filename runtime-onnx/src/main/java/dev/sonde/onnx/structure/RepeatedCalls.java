package dev.sonde.onnx.structure;

import dev.sonde.onnx.file.Constant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Tells the calls of one module apart where the exporter gives them the same scope: data that left the module and comes back,
 * or that meets the same weight again, is in the next call.
 */
final class RepeatedCalls {
    private final Graph graph;
    private final Shapes shapes;
    private final List<List<String>> places;
    private final Map<String, String> sources = new HashMap<>();
    private final Map<String, List<String>> matrices = new HashMap<>();

    RepeatedCalls(Graph graph, Shapes shapes, List<List<String>> places) {
        this.graph = graph;
        this.shapes = shapes;
        this.places = places;
    }

    void split() {
        for (int depth = 1; ; depth++) {
            Map<List<String>, List<Integer>> modules = new LinkedHashMap<>();
            for (int i = 0; i < places.size(); i++) {
                if (places.get(i).size() >= depth) {
                    modules.computeIfAbsent(places.get(i).subList(0, depth), unused -> new ArrayList<>())
                            .add(i);
                }
            }
            if (modules.isEmpty()) {
                return;
            }
            modules.forEach(this::split);
        }
    }

    private void split(List<String> module, List<Integer> nodes) {
        Map<Integer, Integer> levels = levels(nodes);
        Map<Integer, List<Integer>> calls = new LinkedHashMap<>();
        nodes.forEach(node -> calls.computeIfAbsent(levels.getOrDefault(node, 0), unused -> new ArrayList<>())
                .add(node));
        if (calls.size() < 2 || !alike(calls)) {
            return;
        }
        calls.forEach((level, members) -> {
            for (int node : level == 0 ? List.<Integer>of() : members) {
                List<String> renamed = new ArrayList<>(places.get(node));
                renamed.set(module.size() - 1, module.get(module.size() - 1) + "@" + level);
                places.set(node, renamed);
            }
        });
    }

    private Map<Integer, Integer> levels(List<Integer> nodes) {
        Set<Integer> inside = new HashSet<>(nodes);
        Map<Integer, Integer> levels = new HashMap<>();
        Map<Integer, Integer> passed = new HashMap<>();
        Map<String, Integer> met = new HashMap<>();
        for (int i = nodes.get(0); i <= nodes.get(nodes.size() - 1); i++) {
            int level = 0;
            for (String value : graph.uses(i)) {
                int producer = shapes.isFloat(value) ? graph.producer(value) : Graph.NONE;
                boolean leaves = inside.contains(producer) && !inside.contains(i);
                level = Math.max(
                        level, levels.getOrDefault(producer, passed.getOrDefault(producer, 0)) + (leaves ? 1 : 0));
            }
            if (inside.contains(i)) {
                levels.put(i, meetWeights(i, level, met));
            } else {
                passed.put(i, level);
            }
        }
        return levels;
    }

    /** The same weight at the same operator on data that met it before: another call. */
    private int meetWeights(int node, int level, Map<String, Integer> met) {
        int result = level;
        for (String value : graph.uses(node)) {
            if (isWeight(graph, value)) {
                String key = graph.op(node) + " " + source(node, value);
                int before = met.getOrDefault(key, Graph.NONE);
                if (before != Graph.NONE && dependsOn(node, before & 0xFFFFFF)) {
                    result = Math.max(result, (before >> 24) + 1);
                }
                met.put(key, result << 24 | node);
            }
        }
        return result;
    }

    private boolean dependsOn(int node, int earlier) {
        return Reach.upstream(graph, node, earlier).get(earlier);
    }

    /** Calls of one module repeat its weights, or its operators if it has none. */
    private boolean alike(Map<Integer, List<Integer>> calls) {
        List<Integer> first = calls.values().iterator().next();
        for (List<Integer> other : calls.values()) {
            Set<String> weights = weights(other);
            boolean same = weights.isEmpty()
                    ? weights(first).isEmpty() && operators(first).equals(operators(other))
                    : weights(first).containsAll(weights);
            if (!same) {
                return false;
            }
        }
        return true;
    }

    private List<String> operators(List<Integer> nodes) {
        return nodes.stream().map(graph::op).sorted().toList();
    }

    private Set<String> weights(List<Integer> nodes) {
        Set<String> weights = new HashSet<>();
        for (int node : nodes) {
            graph.uses(node).stream()
                    .filter(each -> isWeight(graph, each))
                    .map(each -> source(node, each))
                    .forEach(weights::add);
        }
        return weights;
    }

    /** Exporters may write a matrix down anew, transposed, for each call: it is known by its numbers then. */
    private String source(int node, String value) {
        return sources.computeIfAbsent(places.get(node) + " " + value, unused -> {
            Optional<Constant> matrix = graph.file.constant(value).filter(each -> each.shape().length > 1);
            if (matrix.isEmpty()) {
                return value;
            }
            // TorchScript counts a scope's repetitions: query, query_1, query_2
            String place = places.get(node).toString().replaceAll("_\\d+(?=[],])", "");
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

    static boolean isWeight(Graph graph, String value) {
        return graph.file
                .constant(value)
                .filter(each -> each.dtype().map(dtype -> dtype.isFloat()).orElse(false))
                .filter(each -> Arrays.stream(each.shape()).reduce(1, (a, b) -> a * b) > 1)
                .isPresent();
    }
}
