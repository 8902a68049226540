package dev.sonde.onnx.structure;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Moves nodes out of the module that only happened to come first. Exporters merge equal computations of several modules (a
 * view of the input, a rotary table, a size) and leave the result in the scope of the first.
 */
final class Hoist {
    private final Graph graph;
    private final DataPath data;
    private final List<List<String>> places;
    private final Map<List<String>, BitSet> work = new HashMap<>();

    Hoist(Graph graph, DataPath data, List<List<String>> places) {
        this.graph = graph;
        this.data = data;
        this.places = places;
    }

    void run() {
        for (int i = 0; i < graph.size(); i++) {
            if (data.computes(i)) {
                for (int depth = 1; depth <= places.get(i).size(); depth++) {
                    work.computeIfAbsent(places.get(i).subList(0, depth), unused -> new BitSet())
                            .set(i);
                }
            }
        }
        for (int i = 0; i < graph.size(); i++) {
            places.set(i, target(i));
        }
    }

    private List<String> target(int node) {
        List<String> own = places.get(node);
        @Nullable List<String> readers = readers(node);
        List<String> common = Placer.common(own, readers);
        if (readers == null || common == null || common.size() == own.size()) {
            return own;
        }
        int depth = own.size();
        while (depth > common.size() && mayLeave(node, own.subList(0, depth))) {
            depth--;
        }
        return own.subList(0, depth);
    }

    private @Nullable List<String> readers(int node) {
        @Nullable List<String> common = null;
        for (String value : graph.nodes.get(node).getOutputList()) {
            for (int consumer : graph.consumers(value)) {
                common = data.readsSizesOnly(consumer) ? common : Placer.common(common, places.get(consumer));
            }
        }
        return common;
    }

    private boolean mayLeave(int node, List<String> module) {
        BitSet workers = work.getOrDefault(module, new BitSet());
        if (!data.computes(node)) {
            return !workers.isEmpty();
        }
        return data.isView(node) && readsFromOutside(node, module) && othersWork(workers);
    }

    private boolean readsFromOutside(int node, List<String> module) {
        int producer = graph.producer(graph.input(node, 0));
        return producer == Graph.NONE || !isInside(places.get(producer), module);
    }

    private boolean othersWork(BitSet workers) {
        return workers.stream().anyMatch(each -> !data.isView(each));
    }

    static boolean isInside(List<String> place, List<String> module) {
        return place.size() >= module.size() && place.subList(0, module.size()).equals(module);
    }
}
