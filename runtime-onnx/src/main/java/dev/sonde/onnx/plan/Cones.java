package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which values and runs the values of an experiment depend on, through edits of runs too. */
final class Cones {
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final Map<List<Integer>, Cone> cones = new HashMap<>();

    private record Cone(BitSet nodes, BitSet runs) {}

    Cones(InterventionGraph graph, Dependencies dependencies) {
        this.graph = graph;
        this.dependencies = dependencies;
    }

    /** Returns whether values may depend on another. */
    boolean depends(List<Integer> values, int on) {
        Cone cone = cones.computeIfAbsent(values, this::cone);
        return cone.nodes().get(on)
                || graph.nodes().get(on) instanceof Node.Parameter // which every run may use
                || (graph.nodes().get(on) instanceof Node.Read read
                        && cone.runs().get(dependencies.computed(read.run())));
    }

    /** Returns whether values depend on a gradient. */
    boolean passesGradient(List<Integer> values) {
        return cones.computeIfAbsent(values, this::cone).nodes().stream()
                .anyMatch(id -> graph.nodes().get(id) instanceof Node.Gradient);
    }

    /** Returns the runs that gradients of an experiment pass through. */
    Set<Integer> differentiated() {
        Set<Integer> all = new HashSet<>();
        for (int id = 0; id < graph.nodes().size(); id++) {
            Node node = graph.nodes().get(id);
            if (dependencies.isPart(id) && dependencies.owner(id) >= 0) {
                all.add(dependencies.owner(id));
                continue;
            }
            if (node instanceof Node.Gradient gradient && !isOutside(id)) {
                cones.computeIfAbsent(gradient.of(), this::cone).runs().stream().forEach(all::add);
            }
        }
        return all;
    }

    /** Returns whether a gradient passes no run. */
    private boolean isOutside(int id) {
        return dependencies.isPart(id) && dependencies.owner(id) < 0;
    }

    private Cone cone(List<Integer> values) {
        Cone cone = new Cone(new BitSet(), new BitSet());
        Deque<Integer> open = new ArrayDeque<>(values);
        while (!open.isEmpty()) {
            int id = open.pop();
            if (!cone.nodes().get(id)) {
                cone.nodes().set(id);
                Node node = graph.nodes().get(id);
                node.inputs().forEach(open::push);
                int run =
                        node instanceof Node.Read read ? read.run() : node instanceof Node.Call call ? call.run() : -1;
                enter(run, cone, open);
            }
        }
        return cone;
    }

    private void enter(int run, Cone cone, Deque<Integer> open) {
        if (run >= 0 && !cone.runs().get(dependencies.computed(run))) {
            cone.runs().set(dependencies.computed(run));
            dependencies.effects(dependencies.computed(run)).stream()
                    .filter(effect -> !(effect instanceof dev.sonde.graph.Effect.GradientWrite))
                    .forEach(effect -> effect.inputs().forEach(open::push));
        }
    }
}
