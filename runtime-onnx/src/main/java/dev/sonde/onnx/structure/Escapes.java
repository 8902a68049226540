package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds modules of which an optimiser moved a part into a node elsewhere: the module's weight is read by a node outside it. A
 * port that the move left without its value is refused, for any value there would be wrong.
 */
final class Escapes {
    private static final Set<String> WEIGHTED = Set.of("Conv", "ConvTranspose", "Gemm");
    private static final Set<String> ACTIVATIONS = Set.of("Gelu", "FastGelu", "QuickGelu", "Relu", "Tanh", "Sigmoid");

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
            } else if (WEIGHTED.contains(graph.op(i))) {
                folded(i);
            }
        }
    }

    /** Exporters fold a normalisation into the convolution in front of it: what the convolution alone returns is nowhere. */
    private void folded(int node) {
        List<Instance> around = modules.around(node);
        if (around.isEmpty()) {
            return;
        }
        String path = around.get(around.size() - 1).path();
        String name = graph.nodes.get(node).getName();
        if (ScopeNames.hasFoldedNorm(graph.nodes.get(node))) {
            inputs.put(path, "the exporter folded the normalisation into the weights of '" + name + "' in front of it");
            Placer.Owners.of(graph.input(node, 1))
                    .filter(owner -> !owner.equals(path) && modules.calls(owner).isEmpty())
                    .ifPresent(owner -> gone.put(owner, "its normalisation was folded into it at '" + name + "'"));
        } else if (isNamelessBias(node)) {
            outputs.put(path, "the exporter folded the normalisation behind it into the weights of '" + name + "'");
        }
    }

    private boolean isNamelessBias(int node) {
        String bias = graph.input(node, 2);
        return graph.isConstant(bias)
                && graph.op(node).startsWith("Conv")
                && Placer.Owners.of(bias).isEmpty()
                && Placer.Owners.of(graph.input(node, 1)).isEmpty();
    }

    private void visit(int node) {
        if (ACTIVATIONS.contains(graph.op(node))) {
            doubt(node);
        }
        for (String value : graph.uses(node)) {
            if (graph.isConstant(value)) {
                Placer.Owners.of(value).ifPresent(path -> escaped(node, path));
            }
        }
    }

    /**
     * An activation that lost its name ends the module before it or begins the next one. Where that is open, so is what the
     * modules between return and receive.
     */
    private void doubt(int node) {
        String reason = "it is not clear whether " + graph.op(node) + " at '"
                + graph.nodes.get(node).getName() + "' is part of it";
        int depth = modules.around(node).size();
        between(graph.producer(graph.input(node, 0)), depth).forEach(each -> outputs.put(each.path(), reason));
        graph.consumers(graph.output(node))
                .forEach(reader -> between(reader, depth).forEach(each -> inputs.put(each.path(), reason)));
    }

    private List<Instance> between(int node, int depth) {
        List<Instance> around = modules.around(node);
        return depth < around.size() ? around.subList(depth, around.size() - 1) : List.of();
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
