package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An experiment whose gradients are each of one program.
 *
 * @param graph the experiment
 * @param types of its values
 * @param constants for each value the id that it had before, -1 for new ones
 * @param parts what became of gradients that pass several runs
 * @param sums the parts of each such gradient, by what it was a gradient of
 */
record Lowered(
        InterventionGraph graph,
        List<ValueType> types,
        List<Integer> constants,
        Dependencies.Parts parts,
        Map<Node.Gradient, List<Integer>> sums) {
    Lowered {
        types = List.copyOf(types);
        constants = List.copyOf(constants);
        sums = Map.copyOf(sums);
    }

    /** Returns an experiment that is already so. */
    static Lowered unchanged(InterventionGraph graph, List<ValueType> types) {
        return new Lowered(graph, types, List.of(), Dependencies.Parts.NONE, Map.of());
    }

    /** Returns the same of an experiment that differs in the numbers of its constants. */
    InterventionGraph with(InterventionGraph other) {
        if (constants.isEmpty()) {
            return other;
        }
        List<Node> nodes = new ArrayList<>(graph.nodes());
        for (int id = 0; id < nodes.size(); id++) {
            if (constants.get(id) >= 0 && nodes.get(id) instanceof Node.Constant) {
                nodes.set(id, other.nodes().get(constants.get(id)));
            }
        }
        return new InterventionGraph(graph.model(), graph.runs(), nodes, graph.effects(), graph.saves());
    }
}
