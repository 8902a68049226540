package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ShapeRules;
import java.util.BitSet;
import java.util.Collection;
import java.util.Map;

/** Estimates what the values of runs take, and says which backward passes have no room for all that they read. */
final class Memory {
    /** A pass from checkpoint to checkpoint has the values of a block, and their gradients, beside the checkpoints. */
    private static final int AGAIN = 3;

    private final Target target;
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final long budget;

    Memory(Target target, InterventionGraph graph, Dependencies dependencies, Planning planning) {
        this.target = target;
        this.graph = graph;
        this.dependencies = dependencies;
        this.budget = planning.memoryBudget();
    }

    /** Returns how many of some runs of equal sizes have room in one call, at least one. */
    int most(Collection<Integer> runs) {
        long bytes = runs.stream().mapToLong(this::bytes).max().orElse(1);
        return (int) Math.max(1, Math.min(runs.size(), budget / Math.max(1, bytes)));
    }

    private long bytes(int run) {
        Map<String, Long> sizes = sizes(run);
        long rows = sizes.getOrDefault("batch", 1L);
        long plain = rows * target.bytesOfRow(sizes);
        if (!isDifferentiated(run)) {
            return plain;
        }
        long kept = rows * target.bytesKeptOfRow(sizes);
        return Math.max(plain, kept <= budget ? kept : AGAIN * plain);
    }

    /** Returns whether the backward passes of a batch compute again what they read, rather than keep it. */
    boolean recomputes(Batch batch) {
        return batch.runs().stream().anyMatch(this::isDifferentiated)
                && batch.runs().stream()
                                .mapToLong(run -> batch.rows(run) * target.bytesKeptOfRow(sizes(run)))
                                .sum()
                        > budget;
    }

    private Map<String, Long> sizes(int run) {
        return new ShapeRules(target.wiring().manifest()).sizes(graph.runs().get(run));
    }

    private boolean isDifferentiated(int run) {
        BitSet needed = dependencies.needed();
        return needed.stream()
                .anyMatch(id -> graph.nodes().get(id) instanceof Node.Gradient gradient
                        && gradient.of().stream().anyMatch(of -> dependencies.owner(of) == run));
    }
}
