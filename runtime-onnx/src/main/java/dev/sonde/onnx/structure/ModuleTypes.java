package dev.sonde.onnx.structure;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the class of each module where the exporter wrote it. */
final class ModuleTypes {
    private final Map<String, String> types = new HashMap<>();

    ModuleTypes(Graph graph, Modules modules) {
        graph.nodes.forEach(node -> {
            List<String> scope = ScopeNames.of(node).orElse(List.of());
            List<String> classes = ScopeNames.classes(node);
            for (int i = 0; i < classes.size() && i <= scope.size(); i++) {
                String path = i == 0 ? "" : scope.get(i - 1);
                if (!modules.calls(path).isEmpty()) {
                    types.putIfAbsent(path, simple(classes.get(i)));
                }
            }
        });
    }

    Map<String, String> types() {
        return types;
    }

    private static String simple(String name) {
        return name.substring(name.lastIndexOf('.') + 1);
    }
}
