package dev.sonde.onnx.structure;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The module tree: every call of every module with its nodes. */
final class Modules {
    /**
     * One call of a module.
     *
     * @param key keys of the modules around it and its own
     * @param path of the module
     * @param call which call, from 0
     * @param nodes numbers of its nodes, those of the modules in it included
     */
    record Instance(List<String> key, String path, int call, BitSet nodes) {
        boolean has(int node) {
            return node != Graph.NONE && nodes.get(node);
        }
    }

    private final List<List<String>> places;
    private final Map<List<String>, Instance> instances = new LinkedHashMap<>();
    private final Map<String, List<Instance>> byPath = new LinkedHashMap<>();
    private final Instance root;

    Modules(List<List<String>> places) {
        this.places = places;
        Map<List<String>, BitSet> nodes = new LinkedHashMap<>();
        for (int i = 0; i < places.size(); i++) {
            for (int depth = 1; depth <= places.get(i).size(); depth++) {
                nodes.computeIfAbsent(places.get(i).subList(0, depth), unused -> new BitSet())
                        .set(i);
            }
        }
        nodes.entrySet().stream()
                .sorted(Comparator.comparingInt(each -> each.getValue().nextSetBit(0)))
                .forEach(each -> add(each.getKey(), each.getValue()));
        BitSet all = new BitSet();
        all.set(0, places.size());
        this.root = new Instance(List.of(), "", 0, all);
    }

    private void add(List<String> key, BitSet nodes) {
        String path = Placer.path(key.get(key.size() - 1));
        List<Instance> calls = byPath.computeIfAbsent(path, unused -> new ArrayList<>());
        Instance instance = new Instance(List.copyOf(key), path, calls.size(), nodes);
        calls.add(instance);
        instances.put(instance.key(), instance);
    }

    Instance root() {
        return root;
    }

    Collection<Instance> all() {
        return instances.values();
    }

    Collection<String> paths() {
        return byPath.keySet();
    }

    /** Returns the calls of a module, in order; none for an unknown path. */
    List<Instance> calls(String path) {
        return path.isEmpty() ? List.of(root) : byPath.getOrDefault(path, List.of());
    }

    /** Returns the calls around a node, outermost first, without the model itself. */
    List<Instance> around(int node) {
        List<Instance> found = new ArrayList<>();
        List<String> place = node == Graph.NONE ? List.of() : places.get(node);
        for (int depth = 1; depth <= place.size(); depth++) {
            found.add(instances.getOrDefault(place.subList(0, depth), root));
        }
        return found;
    }

    /** Returns the largest module that makes a value and lacks its reader: its output is what the reader sees last. */
    Optional<Instance> outermostLeft(int producer, int reader) {
        return around(producer).stream().filter(each -> !each.has(reader)).findFirst();
    }

    /** Returns the smallest module that reads a value made elsewhere. */
    Optional<Instance> innermostEntered(int producer, int reader) {
        List<Instance> around = around(reader);
        return around.isEmpty() || around.get(around.size() - 1).has(producer)
                ? Optional.empty()
                : Optional.of(around.get(around.size() - 1));
    }
}
