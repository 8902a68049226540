package dev.sonde.onnx.structure;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Tells the calls of one module apart where the exporter gives them the same scope: data that left the module and comes back,
 * or that meets the same weight again, is in the next call.
 */
final class RepeatedCalls {
    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final List<List<String>> places;
    private final SameWeights same;
    private final CountedCalls counted;

    RepeatedCalls(
            Graph graph,
            Shapes shapes,
            DataPath data,
            List<List<String>> places,
            SameWeights same,
            CountedCalls counted) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.places = places;
        this.same = same;
        this.counted = counted;
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
        Optional<Map<Integer, Integer>> said = counted.calls(nodes, working(nodes));
        Map<Integer, Integer> levels = said.orElseGet(() -> levels(nodes));
        Map<Integer, List<Integer>> calls = new LinkedHashMap<>();
        nodes.forEach(node -> calls.computeIfAbsent(levels.getOrDefault(node, 0), unused -> new ArrayList<>())
                .add(node));
        if (calls.size() < 2 || (said.isEmpty() && !alike(calls))) {
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

    /** The nodes that compute with data, or that make floats at all where none does, as in rotary tables. */
    private Set<Integer> working(List<Integer> nodes) {
        Set<Integer> computing = nodes.stream().filter(data::computes).collect(Collectors.toSet());
        return computing.isEmpty()
                ? nodes.stream()
                        .filter(node -> shapes.isFloat(graph.output(node)))
                        .collect(Collectors.toSet())
                : computing;
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
            if (SameWeights.isWeight(graph, value)) {
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

    /** Calls of one module repeat all its weights, or its operators if it has none: a part that alone is repeated is the one called again. */
    private boolean alike(Map<Integer, List<Integer>> calls) {
        List<Integer> first = calls.values().iterator().next();
        for (List<Integer> other : calls.values()) {
            Set<String> weights = weights(other);
            boolean same = weights.isEmpty()
                    ? weights(first).isEmpty() && operators(first).equals(operators(other))
                    : weights(first).equals(weights);
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
                    .filter(each -> SameWeights.isWeight(graph, each))
                    .map(each -> source(node, each))
                    .forEach(weights::add);
        }
        return weights;
    }

    private String source(int node, String value) {
        return same.source(places.get(node).toString(), node, value);
    }
}
