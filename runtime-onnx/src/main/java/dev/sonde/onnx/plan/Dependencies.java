package dev.sonde.onnx.plan;

import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which values are needed, and on which runs each depends. Equal runs with equal effects count as one. */
final class Dependencies {
    /** The owner of values made of constants only. */
    static final int CONSTANT = -1;
    /** The owner of values of several runs. */
    static final int MIXED = -2;

    private final InterventionGraph graph;
    private final Parts parts;
    private final List<List<Effect>> effects = new ArrayList<>();
    private final int[] same;
    private final int[] owners;
    private final BitSet needed = new BitSet();
    private final BitSet neededRuns = new BitSet();

    /**
     * What became of gradients that pass several runs.
     *
     * @param owners the run that each part of such a gradient is computed in, by the part's id
     * @param secondRuns runs that are computed although there are equal ones
     */
    record Parts(Map<Integer, Integer> owners, Set<Integer> secondRuns) {
        /** No such gradients. */
        static final Parts NONE = new Parts(Map.of(), Set.of());

        Parts {
            owners = Map.copyOf(owners);
            secondRuns = Set.copyOf(secondRuns);
        }
    }

    Dependencies(InterventionGraph graph, Parts parts) {
        this.graph = graph;
        this.parts = parts;
        graph.runs().forEach(run -> effects.add(new ArrayList<>()));
        graph.effects().forEach(effect -> effects.get(effect.run()).add(effect));
        this.same = merge();
        this.owners = new int[graph.nodes().size()];
        for (int i = 0; i < owners.length; i++) {
            Integer part = parts.owners().get(i);
            owners[i] = part == null ? findOwner(graph.nodes().get(i)) : part;
        }
        mark();
    }

    private int[] merge() {
        int[] merged = new int[graph.runs().size()];
        Map<Object, Integer> alike = new HashMap<>();
        for (int run = 0; run < merged.length; run++) {
            if (isOfGeneration(graph.runs().get(run)) || parts.secondRuns().contains(run)) {
                merged[run] = run;
                continue;
            }
            List<Effect> own =
                    effects.get(run).stream().map(Dependencies::ofAnyRun).toList();
            merged[run] = alike.computeIfAbsent(List.of(graph.runs().get(run), own), same(run));
        }
        return merged;
    }

    private static java.util.function.Function<Object, Integer> same(int run) {
        return unused -> run;
    }

    private static Effect ofAnyRun(Effect effect) {
        if (effect instanceof Effect.Write write) {
            return new Effect.Write(0, write.site(), write.value(), write.version());
        }
        if (effect instanceof Effect.GradientWrite write) {
            return new Effect.GradientWrite(0, write.of(), write.wrt(), write.value(), write.version());
        }
        if (effect instanceof Effect.Skip skip) {
            return new Effect.Skip(0, skip.module(), skip.values());
        }
        return new Effect.Stop(0, ((Effect.Stop) effect).site());
    }

    private int findOwner(Node node) {
        if (node instanceof Node.Read read) {
            return same[read.run()];
        }
        if (node instanceof Node.Call call) {
            return same[call.run()];
        }
        if (isMadeInJava(node)) {
            return MIXED; // known only between programs
        }
        int steps = ShapeRules.steps(graph.runs(), node, id -> stepsOf(owners[id]));
        if (steps >= 0) {
            return steps; // it may need values of other runs as well
        }
        // a gradient is found where that is computed which it is of
        return together(node instanceof Node.Gradient gradient ? gradient.of() : node.inputs(), input -> owners[input]);
    }

    /** Returns the owner of what is computed from values. */
    static int together(List<Integer> values, java.util.function.IntUnaryOperator owners) {
        int owner = CONSTANT;
        for (int value : values) {
            int other = owners.applyAsInt(value);
            owner = owner == CONSTANT || owner == other ? other : other == CONSTANT ? owner : MIXED;
        }
        return owner;
    }

    private int stepsOf(int owner) {
        return owner >= 0 && graph.runs().get(owner) instanceof RunInput.Steps ? owner : -1;
    }

    /** Returns whether a value is not an output of a program but made of some between programs. */
    static boolean isMadeInJava(Node node) {
        return node instanceof Node.Local || node instanceof Node.OverSteps || node instanceof Node.Generated;
    }

    static boolean isOfGeneration(RunInput run) {
        return run instanceof RunInput.Generation || run instanceof RunInput.Steps;
    }

    /** Returns the run that stands for all of a generation, or the run itself. */
    int head(int run) {
        return graph.runs().get(run) instanceof RunInput.Steps later ? later.generation() : run;
    }

    /** Returns the runs of the generation that a run is the head of, it first; or it alone. */
    List<Integer> unit(int head) {
        List<Integer> unit = new ArrayList<>(List.of(head));
        for (int run = 0; run < graph.runs().size(); run++) {
            if (graph.runs().get(run) instanceof RunInput.Steps later && later.generation() == head) {
                unit.add(run);
            }
        }
        return unit;
    }

    private void mark() {
        Deque<Integer> open = new ArrayDeque<>(graph.saves().values());
        while (!open.isEmpty()) {
            int id = open.pop();
            if (needed.get(id)) {
                continue;
            }
            needed.set(id);
            graph.nodes().get(id).inputs().forEach(open::push);
            int run = graph.nodes().get(id) instanceof Node.Generated generated ? generated.generation() : owners[id];
            for (int each : run >= 0 && !neededRuns.get(run) ? unit(head(run)) : List.<Integer>of()) {
                neededRuns.set(each);
                effects.get(each).forEach(effect -> effect.inputs().forEach(open::push));
            }
        }
    }

    /** Returns the run that is computed in the place of an equal one, or the run itself. */
    int computed(int run) {
        return same[run];
    }

    int owner(int id) {
        return owners[id];
    }

    boolean isNeeded(int id) {
        return needed.get(id);
    }

    BitSet needed() {
        return needed;
    }

    BitSet runs() {
        return neededRuns;
    }

    /** Returns whether a gradient is part of one that passes several runs. */
    boolean isPart(int id) {
        return parts.owners().containsKey(id);
    }

    /** Returns the values that a run's edits use. */
    List<Integer> written(int run) {
        return effects.get(run).stream()
                .filter(effect -> !(effect instanceof Effect.GradientWrite))
                .flatMap(effect -> effect.inputs().stream())
                .toList();
    }

    /** Returns the experiment as gradients see it. */
    Origins.View view() {
        return new Origins.View() {
            @Override
            public Node node(int id) {
                return graph.nodes().get(id);
            }

            @Override
            public int owner(int id) {
                return owners[id];
            }

            @Override
            public int computed(int run) {
                return same[run];
            }

            @Override
            public List<Integer> written(int run) {
                return Dependencies.this.written(run);
            }
        };
    }

    List<Effect> effects(int run) {
        return effects.get(run);
    }
}
