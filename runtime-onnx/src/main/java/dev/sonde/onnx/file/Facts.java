package dev.sonde.onnx.file;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** What is known of the original file once only the skeleton is read. */
record Facts(
        boolean weightsInCache,
        boolean isMerged,
        int nodes,
        long irVersion,
        List<String> notes,
        Map<String, Rearranged> rearranged) {
    Facts {
        notes = List.copyOf(notes);
        rearranged = Map.copyOf(rearranged);
    }

    static Facts of(WorkGraph graph, boolean weightsInCache, boolean isMerged) {
        Map<String, Rearranged> rearranged = new LinkedHashMap<>(graph.rearranged);
        rearranged.keySet().retainAll(graph.weights.keySet());
        return new Facts(
                weightsInCache,
                isMerged,
                graph.model.getGraph().getNodeCount(),
                graph.model.getIrVersion(),
                graph.notes,
                rearranged);
    }

    Properties write() {
        Properties properties = new Properties();
        properties.setProperty("weights.in.cache", Boolean.toString(weightsInCache));
        properties.setProperty("merged", Boolean.toString(isMerged));
        properties.setProperty("nodes", Integer.toString(nodes));
        properties.setProperty("ir", Long.toString(irVersion));
        for (int i = 0; i < notes.size(); i++) {
            properties.setProperty("note." + i, notes.get(i));
        }
        int i = 0;
        for (Map.Entry<String, Rearranged> each : rearranged.entrySet()) {
            properties.setProperty("rearranged." + i, each.getKey());
            properties.setProperty(
                    "rearranged." + i + ".source", each.getValue().source());
            properties.setProperty(
                    "rearranged." + i + ".permutation",
                    each.getValue().permutation().toString());
            i++;
        }
        return properties;
    }

    static Facts read(Properties properties) {
        List<String> notes = new ArrayList<>();
        for (int i = 0; properties.containsKey("note." + i); i++) {
            notes.add(properties.getProperty("note." + i));
        }
        Map<String, Rearranged> rearranged = new LinkedHashMap<>();
        for (int i = 0; properties.containsKey("rearranged." + i); i++) {
            String permutation = properties.getProperty("rearranged." + i + ".permutation", "[]");
            String axes = permutation.substring(1, permutation.length() - 1);
            rearranged.put(
                    properties.getProperty("rearranged." + i),
                    new Rearranged(
                            properties.getProperty("rearranged." + i + ".source"),
                            axes.isEmpty()
                                    ? List.of()
                                    : Arrays.stream(axes.split(", "))
                                            .map(Integer::valueOf)
                                            .toList()));
        }
        return new Facts(
                Boolean.parseBoolean(properties.getProperty("weights.in.cache")),
                Boolean.parseBoolean(properties.getProperty("merged")),
                Integer.parseInt(properties.getProperty("nodes", "0")),
                Long.parseLong(properties.getProperty("ir", "0")),
                notes,
                rearranged);
    }
}
