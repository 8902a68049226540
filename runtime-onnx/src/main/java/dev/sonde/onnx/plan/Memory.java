package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ShapeRules;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/** Estimates what the values of runs take, and says which backward passes have no room for all that they read. */
final class Memory {
    /** A pass from checkpoint to checkpoint has the values of a block, and their gradients, beside the checkpoints. */
    private static final int AGAIN = 3;

    private final Target target;
    private final InterventionGraph graph;
    private final BitSet differentiated;
    private final long budget;

    Memory(Target target, InterventionGraph graph, Dependencies dependencies, Planning planning) {
        this.target = target;
        this.graph = graph;
        this.differentiated = differentiated(graph, dependencies);
        this.budget = planning.memoryBudget();
    }

    /** Returns the runs whose values gradients are taken of. */
    private static BitSet differentiated(InterventionGraph graph, Dependencies dependencies) {
        BitSet runs = new BitSet();
        dependencies.needed().stream()
                .mapToObj(graph.nodes()::get)
                .filter(Node.Gradient.class::isInstance)
                .flatMap(node -> ((Node.Gradient) node).of().stream())
                .mapToInt(dependencies::owner)
                .filter(run -> run >= 0)
                .forEach(runs::set);
        return runs;
    }

    /** Returns how many of some runs, whose inputs have equal sizes but for their rows, have room in one call; at least one. */
    int most(List<Integer> runs) {
        Map<String, Long> sizes = sizes(runs.get(0));
        long rows = runs.stream()
                .mapToLong(run -> Batch.of(target.wiring().manifest(), graph.runs(), List.of(run))
                        .rows(run))
                .max()
                .orElse(1);
        long bytes = rows * target.bytesOfRow(sizes);
        if (runs.stream().anyMatch(differentiated::get)) {
            long kept = rows * target.bytesKeptOfRow(sizes);
            bytes = Math.max(bytes, kept <= budget ? kept : AGAIN * bytes);
        }
        return (int) Math.max(1, Math.min(runs.size(), budget / Math.max(1, bytes)));
    }

    /** Returns whether the backward passes of a batch compute again what they read, rather than keep it. */
    boolean recomputes(Batch batch) {
        if (batch.runs().stream().noneMatch(differentiated::get)) {
            return false;
        }
        long rows = batch.rows().stream().mapToLong(Long::longValue).sum();
        return rows * target.bytesKeptOfRow(sizes(batch.runs().get(0))) > budget;
    }

    private Map<String, Long> sizes(int run) {
        return new ShapeRules(target.wiring().manifest()).sizes(graph.runs().get(run));
    }
}
