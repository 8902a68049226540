package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes gradients that no one program can compute as sums of gradients that one can. */
final class ChainRule {
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final List<ValueType> types;
    private final Set<Integer> apart;
    private final GraphDraft draft;
    private final int[] to;
    private final Map<List<Integer>, RunPass> passes = new LinkedHashMap<>();
    private final Map<Node.Gradient, List<Integer>> sums = new HashMap<>();

    private ChainRule(InterventionGraph graph, Dependencies dependencies, List<ValueType> types, Set<Integer> apart) {
        this.graph = graph;
        this.dependencies = dependencies;
        this.types = types;
        this.apart = apart;
        this.draft = new GraphDraft(graph, dependencies);
        this.to = new int[graph.nodes().size()];
        java.util.Arrays.fill(to, -1);
    }

    /** {@code apart} are the ids of such gradients. */
    static Lowered lower(
            InterventionGraph graph, Dependencies dependencies, List<ValueType> types, Set<Integer> apart) {
        return new ChainRule(graph, dependencies, types, apart).lower();
    }

    private Lowered lower() {
        order().forEach(this::take);
        for (int run = 0; run < graph.runs().size(); run++) {
            takeEffects(run);
        }
        graph.effects().stream()
                .filter(Effect.GradientWrite.class::isInstance)
                .map(Effect.GradientWrite.class::cast)
                .filter(write -> to[write.value()] >= 0)
                .forEach(this::takeWrite);
        return draft.lowered(to, sums);
    }

    private void take(int id) {
        Node node = graph.nodes().get(id);
        if (apart.contains(id)) {
            to[id] = gradient((Node.Gradient) node);
        } else {
            List<Integer> inputs =
                    node.inputs().stream().map(input -> to[input]).toList();
            to[id] = draft.take(id, Rewiring.of(node, inputs), types.get(id));
        }
    }

    private int gradient(Node.Gradient gradient) {
        List<Integer> key = new ArrayList<>(gradient.of());
        key.addAll(gradient.seeds());
        origins(gradient).runs().stream().forEach(this::takeEffects);
        RunPass pass = passes.computeIfAbsent(key, unused -> pass(gradient));
        List<Integer> parts = pass.parts(to[gradient.wrt()], gradient.version());
        if (parts.isEmpty()) {
            throw Gradients.none(graph, gradient.wrt(), gradient.of());
        }
        sums.put(gradient, parts);
        return draft.sum(parts);
    }

    private RunPass pass(Node.Gradient gradient) {
        Set<Integer> edited = new HashSet<>();
        graph.effects().forEach(effect -> {
            if (effect instanceof Effect.GradientWrite write && gradient.of().equals(List.of(write.of()))) {
                edited.add(owner(write));
            }
        });
        return new RunPass(
                draft,
                gradient.of().stream().map(of -> to[of]).toList(),
                gradient.seeds().stream().map(seed -> to[seed]).toList(),
                edited);
    }

    private int owner(Effect.GradientWrite write) {
        int owner = dependencies.owner(write.wrt());
        if (owner < 0 && passes(write)) {
            throw new SondeException(
                    "no-gradient",
                    "The gradient of %" + write.of() + ", which is made of several runs, can only be edited where it"
                            + " passes a run: expected a value of one run but was %" + write.wrt());
        }
        return owner;
    }

    private boolean passes(Effect.GradientWrite write) {
        return apart.stream()
                .map(id -> (Node.Gradient) graph.nodes().get(id))
                .anyMatch(gradient -> gradient.of().equals(List.of(write.of())));
    }

    private Origins origins(Node.Gradient gradient) {
        return new Origins(dependencies.view(), gradient.of());
    }

    private void takeEffects(int run) {
        if (draft.knows(run)) {
            return;
        }
        List<Effect> all = new ArrayList<>();
        for (Effect effect : dependencies.effects(run)) {
            List<Integer> inputs = effect.inputs().stream().map(id -> to[id]).toList();
            if (!(effect instanceof Effect.GradientWrite) && !inputs.contains(-1)) {
                all.add(Rewiring.of(effect, run, inputs));
            }
        }
        draft.does(run, all);
    }

    private void takeWrite(Effect.GradientWrite write) {
        RunPass pass = passes.get(List.of(write.of()));
        int run = dependencies.owner(write.wrt());
        if (pass == null || pass.known(run).isEmpty()) {
            draft.add(Rewiring.of(
                    write,
                    write.run(),
                    write.inputs().stream().map(id -> to[id]).toList()));
        } else {
            pass.known(run).get().edit(write, to[write.wrt()], to[write.value()]);
        }
    }

    /** Returns the needed values, each behind its inputs, and gradients behind what the edits of their runs use. */
    private List<Integer> order() {
        List<Integer> sorted = new ArrayList<>();
        Map<Integer, Boolean> done = new HashMap<>();
        Deque<Integer> open = new ArrayDeque<>();
        for (int id = dependencies.needed().nextSetBit(0);
                id >= 0;
                id = dependencies.needed().nextSetBit(id + 1)) {
            open.push(id);
            while (!open.isEmpty()) {
                int each = open.peek();
                if (done.containsKey(each)) {
                    open.pop();
                    if (Boolean.FALSE.equals(done.put(each, true))) {
                        sorted.add(each);
                    }
                } else {
                    done.put(each, false);
                    before(each).forEach(other -> push(open, done, each, other));
                }
            }
        }
        return sorted;
    }

    private List<Integer> before(int id) {
        Node node = graph.nodes().get(id);
        List<Integer> all = new ArrayList<>(node.inputs());
        if (apart.contains(id)) {
            origins((Node.Gradient) node).runs().stream().forEach(run -> all.addAll(dependencies.written(run)));
        }
        return all;
    }

    private static void push(Deque<Integer> open, Map<Integer, Boolean> done, int id, int other) {
        if (Boolean.FALSE.equals(done.get(other))) {
            throw new SondeException(
                    "cyclic-values",
                    "A gradient depends on itself through a write: expected runs that do not use %" + id
                            + ", which is found by passing them");
        }
        if (!done.containsKey(other)) {
            open.push(other);
        }
    }
}
