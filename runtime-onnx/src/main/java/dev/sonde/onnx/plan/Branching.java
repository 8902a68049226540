package dev.sonde.onnx.plan;

import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.onnx.reuse.Bins;
import dev.sonde.onnx.reuse.Causality;
import dev.sonde.onnx.reuse.Reach;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/** Decides which runs are computed from where they leave a run over the same tokens, and says why the others are not. */
final class Branching {
    private final Target target;
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final Planning planning;
    private final Branches runs;
    private final Map<RunInput, Integer> bases = new HashMap<>();
    private final List<String> notes = new ArrayList<>();

    Branching(Target target, InterventionGraph graph, Dependencies dependencies, Planning planning) {
        this.target = target;
        this.graph = graph;
        this.dependencies = dependencies;
        this.planning = planning;
        this.runs = new Branches(target, graph, dependencies);
        for (int run = graph.runs().size() - 1; run >= 0; run--) {
            if (dependencies.effects(run).isEmpty() && isPlain(graph.runs().get(run))) {
                bases.put(graph.runs().get(run), dependencies.computed(run));
            }
        }
    }

    /** Returns the experiment with a run without edits for each input of which there are several edited ones and no other. */
    static InterventionGraph withBases(Lowered lowered, Planning planning) {
        InterventionGraph graph = lowered.graph();
        if (planning.reuse() == Planning.Reuse.OFF) {
            return graph;
        }
        Set<Integer> edited = new HashSet<>();
        Set<Integer> differentiated = graph.nodes().stream().anyMatch(Node.Gradient.class::isInstance)
                ? new Cones(graph, new Dependencies(graph, lowered.parts())).differentiated()
                : Set.of();
        graph.effects().forEach(effect -> edited.add(effect.run()));
        Map<RunInput, Integer> count = new LinkedHashMap<>();
        for (int run = 0; run < graph.runs().size(); run++) {
            if (isPlain(graph.runs().get(run)) && !differentiated.contains(run)) {
                count.merge(
                        graph.runs().get(run),
                        edited.contains(run) ? 1 : -graph.runs().size(),
                        Integer::sum);
            }
        }
        List<RunInput> all = new ArrayList<>(graph.runs());
        count.forEach((input, edits) -> {
            if (edits > 1) {
                all.add(input);
            }
        });
        return new InterventionGraph(graph.model(), all, graph.nodes(), graph.effects(), graph.saves());
    }

    /** Whether a run is one forward pass and no step of a generation. */
    private static boolean isPlain(RunInput input) {
        return input instanceof RunInput.Tokens || input instanceof RunInput.Tensors;
    }

    List<String> notes() {
        return notes;
    }

    /** Returns for each run that may be computed from another that run. */
    Map<Integer, Integer> candidates() {
        Map<Integer, Integer> found = new HashMap<>();
        if (planning.reuse() == Planning.Reuse.OFF || !target.rowsAreApart()) {
            return found;
        }
        Set<Integer> differentiated = new Cones(graph, dependencies).differentiated();
        dependencies.runs().stream()
                .filter(run -> !dependencies.effects(run).isEmpty())
                .forEach(run -> {
                    @Nullable Integer base = bases.get(graph.runs().get(run));
                    if (base != null) {
                        Optional<String> refusal = differentiated.contains(run)
                                ? Optional.of("a gradient passes through it")
                                : runs.refusal(run);
                        refusal.ifPresentOrElse(
                                reason -> note("Run " + run + " is computed whole: " + reason),
                                () -> found.put(run, base));
                    }
                });
        return found;
    }

    private void note(String note) {
        if (!notes.contains(note)) {
            notes.add(note);
        }
    }

    /** Returns how runs that need none of each other leave a base run; runs in none of the branches are computed whole. */
    List<Branch> branches(int base, List<Integer> all) {
        List<Integer> free = all.stream().filter(run -> !runs.seesKeys(run)).toList();
        List<Integer> bound = all.stream().filter(runs::seesKeys).toList();
        List<Branch> branches = new ArrayList<>();
        if (!free.isEmpty()) {
            branches.addAll(best(base, free, true));
        }
        if (!bound.isEmpty()) {
            branches.addAll(best(base, bound, false));
        }
        return branches;
    }

    private List<Branch> best(int base, List<Integer> group, boolean mayShare) {
        Optional<Branch> depth = branch(base, group, false);
        Optional<Branch> time = mayShare ? branch(base, group, true) : Optional.empty();
        if (depth.isEmpty() && time.isEmpty()) {
            return List.of();
        }
        Branch some = time.or(() -> depth).orElseThrow();
        long rows = (long) some.bins().rows() * group.size();
        boolean given = dependencies.runs().get(base);
        double whole = some.reach().work(rows, some.bins().positions());
        double start =
                given ? 0 : some.reach().work(some.bins().rows(), some.bins().positions());
        double later = depth.map(each -> start + each.reach().work(each.bins())).orElse(Double.MAX_VALUE);
        double packed = time.map(each -> start + each.reach().work(each.bins())).orElse(Double.MAX_VALUE);
        boolean always = planning.reuse() == Planning.Reuse.ALWAYS;
        boolean inTime = time.isPresent() && (always || packed <= later);
        Branch chosen = inTime ? some : depth.orElse(some);
        double cost = inTime ? packed : later;
        String estimate = String.format(
                java.util.Locale.ROOT, "about %.1f ms, computed whole about %.1f ms", cost / 1e6, whole / 1e6);
        if (!always && cost >= whole) {
            note(group.size() + " runs are computed whole: reuse would take " + estimate);
            return List.of();
        }
        note(chosen.note() + ": " + estimate);
        return withinMemory(chosen);
    }

    private List<Branch> withinMemory(Branch branch) {
        if (branch.runs().size() == 1 || branch.reach().bytes(branch.bins()) <= planning.memoryBudget()) {
            return List.of(branch);
        }
        List<Integer> sorted = branch.runs().stream()
                .sorted(java.util.Comparator.comparingInt(branch.bins()::level))
                .toList();
        List<Branch> parts = new ArrayList<>();
        int half = sorted.size() / 2;
        for (List<Integer> part : List.of(sorted.subList(0, half), sorted.subList(half, sorted.size()))) {
            parts.addAll(withinMemory(
                    branch(branch.base(), part, branch.bins().isShared()).orElseThrow()));
        }
        return parts;
    }

    private Optional<Branch> branch(int base, List<Integer> group, boolean shared) {
        Draft draft = draft(group, run -> shared ? runs.first(run) : 0);
        Optional<String> refusal = draft.reach().refusal();
        if (refusal.isPresent()) {
            note("Runs over the tokens of run " + base + " are computed whole: " + refusal.get());
            return Optional.empty();
        }
        if (!shared) {
            return Optional.of(branch(base, group, draft, false, Set.of()));
        }
        Causality causality = causality(base, draft.reach());
        Optional<Set<String>> proof = draft.proof(causality);
        if (proof.isEmpty()) {
            // some positions may see later ones: where they do, a run is computed from its first position on
            List<Integer> softmaxes = draft.reach().softmaxes();
            draft = draft(group, run -> causality.allows(runs.first(run), softmaxes) ? runs.first(run) : 0);
            proof = draft.proof(causality);
            note("Not all runs over the tokens of run " + base
                    + " are cut in time: the model's masks do not keep later positions from all earlier ones");
        }
        Draft last = draft;
        return proof.map(masks -> branch(base, group, last, true, masks));
    }

    private Branch branch(int base, List<Integer> group, Draft draft, boolean shared, Set<String> masks) {
        Map<String, Long> sizes =
                new ShapeRules(target.wiring().manifest()).sizes(graph.runs().get(base));
        int rows = sizes.getOrDefault("batch", 1L).intValue();
        int positions = sizes.getOrDefault("position", 1L).intValue();
        Bins bins = new Bins(rows, positions, shared, draft.parts());
        String note = bins + ", from where they leave run " + base;
        return new Branch(base, group, target.forms(), draft.reach(), bins, masks, draft.selected(), note);
    }

    /** What runs need, before it is laid out. */
    private record Draft(Reach reach, List<Bins.Part> parts, Set<Node.Read> selected) {
        Optional<Set<String>> proof(Causality causality) {
            return causality.proof(
                    parts.stream().map(Bins.Part::first).distinct().toList(), reach.softmaxes());
        }
    }

    private Draft draft(List<Integer> group, IntUnaryOperator firsts) {
        Map<Integer, Integer> starts = new HashMap<>();
        group.forEach(run -> starts.put(run, runs.start(run)));
        List<Integer> sorted = new ArrayList<>(new TreeSet<>(starts.values()));
        Map<String, Integer> edited = new HashMap<>();
        Map<String, Set<Point>> points = new HashMap<>();
        for (int run : group) {
            int levels = sorted.indexOf(starts.get(run)) + 1;
            runs.places(run).forEach(place -> {
                edited.merge(place.value(), levels, Math::max);
                points.computeIfAbsent(place.value(), unused -> new HashSet<>()).add(place.point());
            });
        }
        Reach reach = new Reach(target.graph().model().getGraph().getNodeList(), target.forms(), edited);
        Set<Node.Read> selected = new HashSet<>();
        List<Bins.Part> parts = new ArrayList<>();
        for (int run : group) {
            int level = sorted.indexOf(starts.get(run));
            int first = firsts.applyAsInt(run);
            parts.add(new Bins.Part(run, level, first, runs.look(run, level, first, reach, points, selected)));
        }
        reach.close();
        return new Draft(reach, parts, selected);
    }

    private Causality causality(int base, Reach reach) {
        Set<String> names = new TreeSet<>();
        reach.softmaxes()
                .forEach(softmax -> names.addAll(target.forms().softmaxes().get(softmax)));
        return new Causality(target.forms(), target.masks(graph.runs().get(base), names));
    }

    /** Returns whether an effect is of a kind that branches know. */
    static boolean isKnown(Effect effect) {
        return effect instanceof Effect.Write || effect instanceof Effect.Skip;
    }
}
