package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/** Puts nodes after the nodes whose values they read. */
final class Topology {
    private Topology() {}

    /** Sorts the graph's nodes, near the order of the file; a sorted graph stays as it is. */
    static void sort(WorkGraph graph) {
        if (isSorted(graph)) {
            return;
        }
        List<NodeProto> nodes = graph.nodes;
        Map<String, Integer> makers = makers(nodes);
        List<Set<Integer>> readers = new ArrayList<>();
        int[] waiting = new int[nodes.size()];
        nodes.forEach(node -> readers.add(new LinkedHashSet<>()));
        for (int i = 0; i < nodes.size(); i++) {
            for (String name : Uses.of(nodes.get(i))) {
                Integer maker = makers.get(name);
                if (maker != null && readers.get(maker).add(i)) {
                    waiting[i]++;
                }
            }
        }
        PriorityQueue<Integer> ready = new PriorityQueue<>();
        for (int i = 0; i < waiting.length; i++) {
            if (waiting[i] == 0) {
                ready.add(i);
            }
        }
        List<NodeProto> sorted = new ArrayList<>(nodes.size());
        while (!ready.isEmpty()) {
            int next = ready.remove();
            sorted.add(nodes.get(next));
            for (int reader : readers.get(next)) {
                if (--waiting[reader] == 0) {
                    ready.add(reader);
                }
            }
        }
        if (sorted.size() < nodes.size()) {
            throw Problems.in(
                    graph.file,
                    "cyclic-graph",
                    "The graph has a cycle: expected values that do not need themselves but was "
                            + cycle(nodes, makers, waiting));
        }
        nodes.clear();
        nodes.addAll(sorted);
        graph.note(true, "Sorted the nodes: the file has some before the values they read.");
    }

    private static boolean isSorted(WorkGraph graph) {
        Map<String, Integer> makers = makers(graph.nodes);
        for (int i = 0; i < graph.nodes.size(); i++) {
            for (String name : Uses.of(graph.nodes.get(i))) {
                if (makers.getOrDefault(name, -1) >= i) {
                    return false;
                }
            }
        }
        return true;
    }

    private static Map<String, Integer> makers(List<NodeProto> nodes) {
        Map<String, Integer> makers = new HashMap<>();
        for (int i = 0; i < nodes.size(); i++) {
            for (String output : nodes.get(i).getOutputList()) {
                if (!output.isEmpty()) {
                    makers.put(output, i);
                }
            }
        }
        return makers;
    }

    /** Walks back along nodes that never became ready, which must come round, and prints that loop. */
    private static String cycle(List<NodeProto> nodes, Map<String, Integer> makers, int[] waiting) {
        int at = 0;
        while (waiting[at] == 0) {
            at++;
        }
        List<Integer> path = new ArrayList<>();
        Set<Integer> seen = new HashSet<>();
        while (seen.add(at)) {
            path.add(at);
            for (String name : Uses.of(nodes.get(at))) {
                Integer maker = makers.get(name);
                if (maker != null && waiting[maker] > 0) {
                    at = maker;
                    break;
                }
            }
        }
        List<Integer> loop = path.subList(path.indexOf(at), path.size());
        List<String> labels = new ArrayList<>();
        for (int i = loop.size() - 1; i >= 0; i--) {
            labels.add(GraphChecker.label(nodes.get(loop.get(i)), loop.get(i)));
        }
        labels.add(labels.get(0));
        return labels.size() > 10
                ? String.join(" -> ", labels.subList(0, 9)) + " -> ... (" + loop.size() + " nodes)"
                : String.join(" -> ", labels);
    }
}
