package dev.sonde.onnx.plan;

import dev.sonde.graph.Dim;
import dev.sonde.graph.Effect;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The backward pass of numbers of several runs: for each run a pass of its own, which begins with the gradients of what others
 * take from it. Where these need the run's own values, the pass has a second run.
 */
final class RunPass {
    /** Operators whose gradient is the same whatever their input is. */
    private static final Set<Operator> LINEAR = EnumSet.of(
            Operator.NEG,
            Operator.ADD,
            Operator.SUB,
            Operator.SUM,
            Operator.MEAN,
            Operator.RESHAPE,
            Operator.TRANSPOSE,
            Operator.UNSQUEEZE,
            Operator.SQUEEZE,
            Operator.RENAME,
            Operator.EXPAND,
            Operator.CONCAT,
            Operator.STACK,
            Operator.CUM_SUM);

    /** Operators of which that is so if only one input changes. */
    private static final Set<Operator> PRODUCTS = EnumSet.of(Operator.MUL, Operator.MATMUL, Operator.EINSUM);

    private final GraphDraft draft;
    private final List<Integer> of;
    private final List<Integer> seeds;
    private final Set<Integer> edited;
    private final Origins origins;
    private final Map<Integer, SortedSet<Integer>> given = new HashMap<>();
    private final Map<Integer, SortedSet<Integer>> takers = new HashMap<>();
    private final SortedSet<Integer> sinks = new TreeSet<>();
    private final Map<Integer, Optional<Integer>> gradients = new HashMap<>();
    private final Map<Integer, Optional<Segment>> segments = new TreeMap<>();
    private final Map<Set<Integer>, Region> regions = new HashMap<>();

    /** {@code edited} are the runs in which a gradient is edited on its way back. */
    RunPass(GraphDraft draft, List<Integer> of, List<Integer> seeds, Set<Integer> edited) {
        this.draft = draft;
        this.of = of;
        this.seeds = seeds;
        this.edited = edited;
        this.origins = new Origins(draft, of);
        of.forEach(id -> give(id, Dependencies.MIXED));
        sinks.addAll(of.stream().filter(this::isMixed).toList());
        origins.nodes().stream()
                .forEach(id -> Origins.sources(draft.node(id)).forEach(input -> give(input, owner(id))));
        origins.runs().stream().forEach(run -> draft.written(run).forEach(value -> give(value, run)));
    }

    /** Says that a value is used in a run, or outside of runs. */
    private void give(int value, int by) {
        int owner = owner(value);
        if (owner == by || owner == Dependencies.CONSTANT || by == Dependencies.CONSTANT || !draft.isFloat(value)) {
            return;
        }
        if (owner >= 0) {
            given.computeIfAbsent(owner, unused -> new TreeSet<>()).add(value);
        } else {
            sinks.add(value);
        }
        if (by >= 0) {
            takers.computeIfAbsent(value, unused -> new TreeSet<>()).add(by);
        }
    }

    private int owner(int id) {
        return origins.owner(id);
    }

    private boolean isMixed(int id) {
        return owner(id) == Dependencies.MIXED;
    }

    /** Returns the parts of the gradient with respect to a value, which are to be added up. */
    List<Integer> parts(int wrt, int version) {
        Set<Integer> parts = new java.util.LinkedHashSet<>();
        for (int same : draft.same(wrt)) {
            int owner = owner(same);
            if (owner >= 0) {
                if (given.getOrDefault(owner, new TreeSet<>()).equals(Set.of(same))) {
                    gradient(same).ifPresent(parts::add);
                } else {
                    segment(owner).ifPresent(segment -> parts.add(segment.gradient(same, version)));
                }
            } else {
                outside(same).ifPresent(parts::add);
            }
            if (owner == Dependencies.CONSTANT) {
                origins.runs().stream()
                        .filter(run -> uses(run, same))
                        .forEach(run -> segment(run).ifPresent(segment -> parts.add(segment.gradient(same, version))));
            }
        }
        return List.copyOf(parts);
    }

    private boolean uses(int run, int constant) {
        return draft.node(constant) instanceof Node.Parameter
                || draft.written(run).stream().anyMatch(value -> reaches(value, constant, run))
                || origins.nodes().stream().anyMatch(id -> owner(id) == run && reaches(id, constant, run));
    }

    private boolean reaches(int from, int to, int run) {
        Set<Integer> seen = new HashSet<>();
        java.util.Deque<Integer> open = new java.util.ArrayDeque<>(List.of(from));
        while (!open.isEmpty()) {
            int id = open.pop();
            if (id == to) {
                return true;
            }
            boolean own = owner(id) == run || owner(id) == Dependencies.CONSTANT;
            if (own && seen.add(id)) {
                Origins.sources(draft.node(id)).forEach(open::push);
            }
        }
        return false;
    }

    /** Returns the gradient of a value that one run gives to others, or that is computed outside of runs for one. */
    private Optional<Integer> gradient(int value) {
        Optional<Integer> known = gradients.get(value);
        if (known == null) {
            known = find(value);
            gradients.put(value, known);
        }
        return known;
    }

    private Optional<Integer> find(int value) {
        List<Integer> parts = new ArrayList<>();
        if (of.contains(value)) {
            parts.add(seeds.isEmpty() ? draft.filled(value, 1) : seeds.get(of.indexOf(value)));
        }
        takers.getOrDefault(value, new TreeSet<>())
                .forEach(run -> segment(run).ifPresent(segment -> parts.add(segment.gradient(value, 0))));
        if (!isMixed(value)) {
            outside(value).ifPresent(parts::add);
        }
        return parts.isEmpty() ? Optional.empty() : Optional.of(draft.sum(parts));
    }

    private boolean isPlain(List<Integer> values) {
        return values.equals(of) && seeds.isEmpty() && of.size() == 1;
    }

    // Outside of runs.

    /** Returns what comes back to a value from what is computed outside of runs. */
    private Optional<Integer> outside(int value) {
        Set<Integer> from = new TreeSet<>();
        for (int sink : sinks) {
            if (leads(sink, value) && gradient(sink).isPresent()) {
                from.add(sink);
            }
        }
        if (from.isEmpty()) {
            return Optional.empty();
        }
        Region region = regions.get(from);
        if (region == null) {
            region = new Region(from);
            regions.put(from, region);
        }
        return Optional.of(region.gradient(value));
    }

    private boolean leads(int sink, int to) {
        Set<Integer> seen = new HashSet<>();
        java.util.Deque<Integer> open = new java.util.ArrayDeque<>(List.of(sink));
        while (!open.isEmpty()) {
            int id = open.pop();
            if (id == to) {
                return true;
            }
            boolean passes = isMixed(id) || owner(id) == Dependencies.CONSTANT;
            if (passes && seen.add(id)) {
                Origins.sources(draft.node(id)).forEach(open::push);
            }
        }
        return false;
    }

    /** What is computed outside of runs, once more: all in one program, with zeros for the runs' values where they do not matter. */
    private final class Region {
        private final List<Integer> ends;
        private final List<Integer> weights;
        private final GraphDraft.Copy copy;

        Region(Set<Integer> from) {
            boolean linear = isLinear(from);
            this.copy = draft.new Copy() {
                @Override
                boolean copies(int id) {
                    return isMixed(id) && !Dependencies.isMadeInJava(draft.node(id));
                }

                @Override
                int of(int id) {
                    if (linear && owner(id) >= 0 && draft.isFloat(id) && !has(id)) {
                        stand(id, draft.filled(id, 0));
                    }
                    return super.of(id);
                }
            };
            this.ends = from.stream().map(copy::of).toList();
            List<Integer> all = List.copyOf(from);
            this.weights = isPlain(all)
                    ? List.of()
                    : all.stream()
                            .map(id -> RunPass.this.gradient(id).orElseThrow())
                            .toList();
        }

        int gradient(int value) {
            int owner = Dependencies.together(ends, draft::owner);
            return draft.gradient(ends, weights, copy.of(value), 0, owner);
        }

        private boolean isLinear(Set<Integer> from) {
            Set<Integer> seen = new HashSet<>(from);
            java.util.Deque<Integer> open = new java.util.ArrayDeque<>(from);
            while (!open.isEmpty()) {
                int id = open.pop();
                Node node = draft.node(id);
                List<Integer> changing = Origins.sources(node).stream()
                        .filter(input -> owner(input) != Dependencies.CONSTANT)
                        .toList();
                if (isMixed(id) && !isLinear(node, changing)) {
                    return false;
                }
                if (owner(id) >= 0 && draft.type(id).dims().stream().anyMatch(dim -> dim.size() == Dim.UNKNOWN)) {
                    return false;
                }
                changing.stream()
                        .filter(input -> isMixed(id) && seen.add(input))
                        .forEach(open::push);
            }
            return true;
        }

        private static boolean isLinear(Node node, List<Integer> changing) {
            if (node instanceof Node.Apply apply) {
                boolean quotient = apply.operator() == Operator.DIV
                        && changing.equals(apply.inputs().subList(0, 1));
                return LINEAR.contains(apply.operator())
                        || quotient
                        || (PRODUCTS.contains(apply.operator()) && changing.size() == 1);
            }
            return node instanceof Node.Select || node instanceof Node.Put;
        }
    }

    // In runs.

    private Optional<Segment> segment(int run) {
        Optional<Segment> known = segments.get(run);
        if (known == null) {
            known = Segment.of(this, run);
            segments.put(run, known);
        }
        return known;
    }

    /** Returns what a run's gradients are edited with: its second run, if it has one. */
    Optional<Segment> known(int run) {
        return segments.getOrDefault(run, Optional.empty());
    }

    /** The pass through one run. */
    static final class Segment {
        private final GraphDraft draft;
        private final int run;
        private final List<Integer> ends;
        private final List<Integer> weights;
        private final Optional<GraphDraft.SecondRun> second;

        private Segment(
                GraphDraft draft,
                int run,
                List<Integer> ends,
                List<Integer> weights,
                Optional<GraphDraft.SecondRun> second) {
            this.draft = draft;
            this.run = second.map(GraphDraft.SecondRun::run).orElse(run);
            this.ends = ends.stream().map(id -> copy(second, id)).toList();
            this.weights = weights;
            this.second = second;
        }

        private static Optional<Segment> of(RunPass pass, int run) {
            List<Integer> ends = new ArrayList<>();
            List<Integer> weights = new ArrayList<>();
            for (int value : pass.given.getOrDefault(run, new TreeSet<>())) {
                pass.gradient(value).ifPresent(weight -> {
                    ends.add(value);
                    weights.add(weight);
                });
            }
            if (ends.isEmpty()) {
                return Optional.empty();
            }
            if (pass.isPlain(ends)) {
                return Optional.of(new Segment(pass.draft, run, ends, List.of(), Optional.empty()));
            }
            boolean again = pass.edited.contains(run)
                    || new Origins(pass.draft, weights).runs().get(run);
            return Optional.of(new Segment(
                    pass.draft, run, ends, weights, again ? Optional.of(pass.draft.second(run)) : Optional.empty()));
        }

        private static int copy(Optional<GraphDraft.SecondRun> second, int id) {
            return second.map(copy -> copy.of(id)).orElse(id);
        }

        int gradient(int wrt, int version) {
            return draft.gradient(ends, weights, copy(second, wrt), version, run);
        }

        /** Edits a gradient; {@code value} is what it becomes. */
        void edit(Effect.GradientWrite write, int wrt, int value) {
            draft.add(new Effect.GradientWrite(
                    run, ends.get(0), copy(second, wrt), copy(second, value), write.version()));
        }
    }
}
