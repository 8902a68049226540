package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds modules of which an optimiser moved a part into a node elsewhere: the module's weight is read by a node outside it. A
 * port that the move left without its value is refused, for any value there would be wrong.
 */
final class Escapes {
    private final Graph graph;
    private final Modules modules;
    private final Map<String, String> outputs = new HashMap<>();
    private final Map<String, String> inputs = new HashMap<>();
    private final Map<String, String> gone = new HashMap<>();

    Escapes(Graph graph, Modules modules) {
        this.graph = graph;
        this.modules = modules;
        for (int i = 0; i < graph.size(); i++) {
            if (ScopeNames.of(graph.nodes.get(i)).isEmpty()) {
                visit(i);
            }
        }
    }

    private void visit(int node) {
        for (String value : graph.uses(node)) {
            if (graph.isConstant(value)) {
                Placer.Owners.of(value).ifPresent(path -> escaped(node, path));
            }
        }
    }

    private void escaped(int node, String owner) {
        String reason =
                "fused in " + graph.op(node) + " at '" + graph.nodes.get(node).getName() + "'";
        if (modules.calls(owner).isEmpty()) {
            gone.put(owner, reason);
        }
        for (String path : Placer.Owners.chain(owner)) {
            List<Instance> calls = modules.calls(path);
            if (!calls.isEmpty() && calls.stream().noneMatch(call -> call.has(node))) {
                Instance first = calls.get(0);
                if (node > first.nodes().nextSetBit(0)) {
                    outputs.put(path, reason);
                }
                if (node < first.nodes().length()) {
                    inputs.put(path, reason);
                }
            }
        }
    }

    Optional<String> output(Instance module) {
        return Optional.ofNullable(outputs.get(module.path()));
    }

    Optional<String> input(Instance module) {
        return Optional.ofNullable(inputs.get(module.path()));
    }

    /** Returns modules without any node left, with the reasons. */
    Map<String, String> gone() {
        return gone;
    }
}
