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
import java.util.TreeSet;

/**
 * Tells which gradients one program can compute: those that pass one run only, and those of numbers of several runs that are rows
 * of one batch.
 */
final class GradientPlaces {
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final List<Batch> batches;
    private final Map<List<Integer>, Origins> origins = new HashMap<>();
    private final Set<Integer> apart = new TreeSet<>();
    private final Map<Batch, Set<Integer>> joint = new HashMap<>();

    GradientPlaces(InterventionGraph graph, Dependencies dependencies, List<Batch> batches) {
        this.graph = graph;
        this.dependencies = dependencies;
        this.batches = batches;
        for (int id = 0; id < graph.nodes().size(); id++) {
            if (dependencies.isNeeded(id) && graph.nodes().get(id) instanceof Node.Gradient gradient) {
                place(id, gradient);
            }
        }
        if (!apart.isEmpty()) {
            joint.values().stream() // a gradient of both kinds would need both
                    .flatMap(Set::stream)
                    .filter(id -> graph.nodes().get(id) instanceof Node.Gradient)
                    .forEach(apart::add);
        }
    }

    private void place(int id, Node.Gradient gradient) {
        int owner = dependencies.owner(id);
        Origins from = origins.computeIfAbsent(gradient.of(), of -> new Origins(dependencies.view(), of));
        boolean behind = apart.stream().anyMatch(other -> from.nodes().get(other));
        if (owner == Dependencies.CONSTANT || dependencies.isPart(id)) {
            return;
        }
        if (!behind && owner >= 0 && passesOnly(owner, gradient, from)) {
            return;
        }
        batches.stream()
                .filter(batch -> !behind && isOfRows(batch, owner, from))
                .findFirst()
                .ifPresentOrElse(
                        batch -> joint.computeIfAbsent(batch, unused -> new TreeSet<>())
                                .addAll(with(id)),
                        () -> apart.add(id));
    }

    private boolean isOfRows(Batch batch, int owner, Origins from) {
        return owner == Dependencies.MIXED
                && new HashSet<>(batch.runs())
                        .containsAll(from.runs().stream().boxed().toList());
    }

    /** Returns the values of several runs that a gradient needs, it among them. */
    private Set<Integer> with(int id) {
        Set<Integer> found = new TreeSet<>();
        Deque<Integer> open = new ArrayDeque<>(List.of(id));
        while (!open.isEmpty()) {
            int each = open.pop();
            boolean mixed = dependencies.owner(each) == Dependencies.MIXED
                    && !Dependencies.isMadeInJava(graph.nodes().get(each));
            if (mixed && found.add(each)) {
                graph.nodes().get(each).inputs().forEach(open::push);
            }
        }
        return found;
    }

    private boolean passesOnly(int run, Node.Gradient gradient, Origins from) {
        Reached reached = new Reached(gradient.wrt(), from);
        return reached.runs.stream().allMatch(other -> other == run)
                && reached.nodes.stream()
                        .filter(id -> id != gradient.wrt())
                        .map(from::owner)
                        .allMatch(owner -> owner == run || owner == Dependencies.CONSTANT);
    }

    /** What may change with a value. */
    private final class Reached {
        final BitSet nodes = new BitSet();
        final BitSet runs = new BitSet();

        Reached(int wrt, Origins from) {
            nodes.set(wrt);
            if (graph.nodes().get(wrt) instanceof Node.Read read) {
                runs.set(dependencies.computed(read.run()));
            } else if (graph.nodes().get(wrt) instanceof Node.Parameter) {
                runs.or(from.runs());
            }
            boolean grows = true;
            while (grows) {
                int before = nodes.cardinality() + runs.cardinality();
                from.nodes().stream().filter(this::changes).forEach(nodes::set);
                from.runs().stream()
                        .filter(run -> dependencies.written(run).stream().anyMatch(nodes::get))
                        .forEach(runs::set);
                grows = nodes.cardinality() + runs.cardinality() > before;
            }
        }

        private boolean changes(int id) {
            Node node = graph.nodes().get(id);
            boolean read = node instanceof Node.Read each && runs.get(dependencies.computed(each.run()));
            boolean called = node instanceof Node.Call each && runs.get(dependencies.computed(each.run()));
            return read || called || Origins.sources(node).stream().anyMatch(nodes::get);
        }
    }

    /** Returns the gradients that no one program can compute. */
    Set<Integer> apart() {
        return apart;
    }

    /** Returns the values of several runs that are computed with a batch, because gradients pass them. */
    Set<Integer> of(Batch batch) {
        return joint.getOrDefault(batch, Set.of());
    }
}
