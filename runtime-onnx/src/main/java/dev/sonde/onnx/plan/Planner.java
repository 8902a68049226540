package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModuleInfo;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Divides an experiment into programs: one for each batch of runs, in an order in which each has what it needs of the others,
 * and programs without the model for values of several runs.
 */
public final class Planner {
    private final Target target;
    private final InterventionGraph graph;
    private final List<ValueType> types;
    private final Dependencies dependencies;
    private final Memory memory;
    private final Batching batching;
    private final Branching branching;
    private final Captures captures;
    private final Map<Integer, Integer> bases;
    private final List<Branch> branches;
    private final List<List<Integer>> byRun = new ArrayList<>();
    private final List<Draft> drafts = new ArrayList<>();
    private final int[] homes;
    private final Map<Integer, Integer> ends = new HashMap<>();
    private final Set<Integer> handed = new LinkedHashSet<>();
    private final Set<Integer> absent = new HashSet<>();
    private final Map<List<Integer>, List<Integer>> partsOf = new HashMap<>();
    private final List<List<Batch>> batches = new ArrayList<>();
    private final GradientPlaces places;

    /** A program before it is written. */
    private record Draft(
            Batch batch,
            TreeSet<Integer> own,
            List<Edit> edits,
            List<Place> stops,
            Set<Integer> results,
            List<Integer> locals,
            Optional<Stepping> stepping,
            Optional<Branch> branch) {
        Draft(Batch batch) {
            this(batch, Optional.empty(), Optional.empty());
        }

        Draft(Batch batch, Optional<Stepping> stepping, Optional<Branch> branch) {
            this(
                    batch,
                    new TreeSet<>(),
                    new ArrayList<>(),
                    new ArrayList<>(),
                    new LinkedHashSet<>(),
                    new ArrayList<>(),
                    stepping,
                    branch);
        }

        ProgramWriter.Share share(
                Dependencies dependencies, Captures captures, Set<Integer> absent, boolean recomputes) {
            return new ProgramWriter.Share(
                    dependencies,
                    batch,
                    own,
                    edits,
                    stops,
                    results,
                    locals,
                    stepping,
                    branch,
                    captures,
                    absent,
                    recomputes);
        }
    }

    private Planner(Target target, Lowered lowered, Planning planning) {
        this.target = target;
        this.graph = Branching.withBases(lowered, planning);
        this.types = lowered.types();
        this.dependencies = new Dependencies(this.graph, lowered.parts());
        this.memory = new Memory(target, this.graph, dependencies, planning);
        this.batching = new Batching(target, this.graph, dependencies, planning, memory);
        this.branching = new Branching(target, this.graph, dependencies, planning);
        this.captures = new Captures(graph.nodes().size());
        this.homes = new int[graph.nodes().size()];
        java.util.Arrays.fill(homes, -1);
        this.graph.runs().forEach(run -> byRun.add(new ArrayList<>()));
        dependencies.needed().stream()
                .filter(id -> dependencies.owner(id) >= 0)
                .forEach(id -> byRun.get(dependencies.owner(id)).add(id));
        lowered.parts().owners().forEach((id, owner) -> {
            if (owner == Dependencies.MIXED && dependencies.isNeeded(id)) {
                List<Integer> of = ((Node.Gradient) this.graph.nodes().get(id)).of();
                partsOf.computeIfAbsent(of, unused -> new ArrayList<>()).add(id);
            }
        });
        this.bases = branching.candidates();
        this.branches = branch();
        waves().forEach(wave -> batches.add(
                batching.of(wave.stream().filter(run -> !bases.containsKey(run)).toList())));
        this.places = new GradientPlaces(
                this.graph, dependencies, batches.stream().flatMap(List::stream).toList());
    }

    /** Returns how runs leave others; those of which no branch is made are no longer candidates. */
    private List<Branch> branch() {
        while (!bases.isEmpty()) {
            List<Branch> found = new ArrayList<>();
            for (List<Integer> wave : waves()) {
                wave.stream()
                        .filter(bases::containsKey)
                        .collect(Collectors.groupingBy(bases::get, TreeMap::new, Collectors.toList()))
                        .forEach((base, runs) -> found.addAll(branching.branches(base, runs)));
            }
            Set<Integer> branched = new HashSet<>();
            found.forEach(each -> branched.addAll(each.runs()));
            if (!bases.keySet().retainAll(branched)) {
                return found;
            }
        }
        return List.of();
    }

    /**
     * Returns the programs in the order in which they run.
     *
     * @param types of the graph's values
     * @throws SondeException {@code cyclic-values} if runs need values of each other
     */
    static Result plan(Target target, InterventionGraph graph, List<ValueType> types, Planning planning) {
        Lowered lowered = Lowered.unchanged(graph, types);
        Planner planner = new Planner(target, lowered, planning);
        if (!planner.places.apart().isEmpty()) {
            Dependencies dependencies = new Dependencies(graph, Dependencies.Parts.NONE);
            lowered = ChainRule.lower(graph, dependencies, types, planner.places.apart());
            planner = new Planner(target, lowered, planning);
        }
        List<Program> programs = planner.plan();
        Set<Integer> absent = planner.absent;
        lowered.sums().forEach((gradient, parts) -> {
            if (absent.containsAll(parts)) {
                throw Gradients.none(graph, gradient.wrt(), gradient.of());
            }
        });
        return new Result(programs, planner.branching.notes(), lowered);
    }

    /**
     * Programs, and what is to be said about them.
     *
     * @param programs in the order in which they run
     * @param notes for people
     * @param lowered the experiment that they compute
     */
    record Result(List<Program> programs, List<String> notes, Lowered lowered) {
        Result {
            programs = List.copyOf(programs);
            notes = List.copyOf(notes);
        }
    }

    private List<Program> plan() {
        List<Integer> locals =
                dependencies.needed().stream().filter(this::isLocal).boxed().toList();
        Draft prelude = new Draft(Batch.NONE);
        locals.stream()
                .filter(id -> graph.nodes().get(id) instanceof Node.Local)
                .map(id -> ((Node.Local) graph.nodes().get(id)).input())
                .filter(id -> dependencies.owner(id) == Dependencies.CONSTANT)
                .forEach(prelude.own()::add);
        add(prelude);
        Iterator<List<Batch>> whole = batches.iterator();
        for (List<Integer> wave : waves()) {
            whole.next().forEach(batch -> {
                if (graph.runs().get(batch.runs().get(0)) instanceof RunInput.Generation generation) {
                    draft(batch, generation);
                } else {
                    draft(batch, Optional.empty());
                }
            });
            branches.stream()
                    .filter(branch -> wave.containsAll(branch.runs()))
                    .forEach(branch -> draft(
                            Batch.of(target.wiring().manifest(), graph.runs(), branch.runs()), Optional.of(branch)));
        }
        Draft epilogue = new Draft(Batch.NONE);
        dependencies.needed().stream()
                .filter(id -> homes[id] < 0
                        && !isConstant(id)
                        && !isLocal(id)
                        && dependencies.owner(id) == Dependencies.MIXED)
                .forEach(epilogue.own()::add);
        graph.saves().values().stream()
                .filter(id -> dependencies.owner(id) == Dependencies.CONSTANT && !isConstant(id))
                .forEach(epilogue.own()::add);
        add(epilogue);
        locals.forEach(this::attach);
        drafts.forEach(this::complete);
        graph.saves().values().forEach(this::publish);
        handed.forEach(this::publish);
        List<Program> programs = new ArrayList<>();
        for (int i = drafts.size() - 1; i >= 0; i--) { // later ones say what they want of earlier ones
            boolean recomputes = memory.recomputes(drafts.get(i).batch());
            ProgramWriter.Share share = drafts.get(i).share(dependencies, captures, absent, recomputes);
            programs.add(ProgramWriter.write(target, graph, types, share));
        }
        java.util.Collections.reverse(programs);
        return programs;
    }

    /** A function in Java is called as soon as its input is known. */
    private void attach(int id) {
        if (!(graph.nodes().get(id) instanceof Node.Local)) {
            int head = graph.nodes().get(id) instanceof Node.OverSteps over
                    ? over.generation()
                    : ((Node.Generated) graph.nodes().get(id)).generation();
            homes[id] = Objects.requireNonNull(ends.get(head));
            drafts.get(homes[id]).locals().add(id);
            graph.nodes().get(id).inputs().forEach(this::publish);
            return;
        }
        int input = ((Node.Local) graph.nodes().get(id)).input();
        homes[id] = homes[input];
        drafts.get(homes[id]).locals().add(id);
        if (!isLocal(input)) {
            publish(input);
        }
    }

    private boolean isLocal(int id) {
        return Dependencies.isMadeInJava(graph.nodes().get(id));
    }

    private boolean isConstant(int id) {
        return graph.nodes().get(id) instanceof Node.Constant;
    }

    /** Returns the runs, each behind those that its edits and calls need. */
    private List<Integer> order() {
        List<Integer> sorted = new ArrayList<>();
        int[] state = new int[graph.runs().size()];
        Deque<Integer> open = new ArrayDeque<>();
        BitSet all = (BitSet) dependencies.runs().clone();
        bases.values().forEach(all::set);
        for (int first = all.nextSetBit(0); first >= 0; first = all.nextSetBit(first + 1)) {
            if (dependencies.head(first) == first) {
                open.push(first);
            }
            while (!open.isEmpty()) {
                int run = open.peek();
                if (state[run] == 0) {
                    state[run] = 1;
                    sources(run).stream().forEach(source -> push(open, state, run, source));
                } else {
                    open.pop();
                    if (state[run] == 1) {
                        state[run] = 2;
                        sorted.add(run);
                    }
                }
            }
        }
        return sorted;
    }

    /** Returns the runs in waves: none needs another of its own wave or a later one. */
    private Collection<List<Integer>> waves() {
        int[] wave = new int[graph.runs().size()];
        SortedMap<Integer, List<Integer>> waves = new TreeMap<>();
        for (int run : order()) {
            sources(run).stream().forEach(source -> wave[run] = Math.max(wave[run], wave[source] + 1));
            waves.computeIfAbsent(wave[run], unused -> new ArrayList<>()).add(run);
        }
        return waves.values();
    }

    private static void push(Deque<Integer> open, int[] state, int run, int source) {
        if (state[source] == 1) {
            throw new SondeException(
                    "cyclic-values",
                    "Runs need values of each other: expected runs that can be put in an order, but run " + run
                            + " needs run " + source + ", which needs run " + run);
        }
        if (state[source] == 0) {
            open.push(source);
        }
    }

    /** Returns the other runs whose values a run's edits and calls need. */
    private BitSet sources(int run) {
        BitSet sources = new BitSet();
        for (int each : dependencies.unit(run)) {
            for (int id : closure(each)) {
                int owner = graph.nodes().get(id) instanceof Node.Generated generated
                        ? generated.generation()
                        : dependencies.owner(id);
                if (owner >= 0 && dependencies.head(owner) != run) {
                    sources.set(dependencies.head(owner));
                }
            }
        }
        if (bases.containsKey(run)) {
            sources.set(bases.get(run));
        }
        return sources;
    }

    /** Returns the values that a run's edits and calls need, down to those that belong to one run. */
    private SortedSet<Integer> closure(int run) {
        TreeSet<Integer> found = new TreeSet<>();
        Deque<Integer> open = new ArrayDeque<>();
        dependencies.written(run).forEach(open::push);
        Set<Integer> edited = new HashSet<>(); // numbers whose gradients are edited here: not needed before
        dependencies.effects(run).forEach(effect -> {
            if (effect instanceof Effect.GradientWrite write) {
                edited.add(write.of());
                open.push(write.value());
            }
        });
        overSteps(run).forEach(open::push);
        byRun.get(run).forEach(id -> {
            Node node = graph.nodes().get(id);
            if (node instanceof Node.Call || node instanceof Node.Gradient) {
                node.inputs().forEach(open::push);
            } else if (graph.runs().get(run) instanceof RunInput.Steps) {
                node.inputs().forEach(open::push);
            }
        });
        while (!open.isEmpty()) {
            int id = open.pop();
            if (found.add(id) && dependencies.owner(id) == Dependencies.MIXED) {
                if (graph.nodes().get(id) instanceof Node.Gradient gradient) {
                    partsOf.getOrDefault(gradient.of(), List.of()).forEach(open::push); // they share a program
                    if (edited.containsAll(gradient.of())) {
                        continue;
                    }
                }
                graph.nodes().get(id).inputs().forEach(open::push);
            }
        }
        return found;
    }

    private void draft(Batch batch, Optional<Branch> branch) {
        Draft before = new Draft(Batch.NONE);
        Draft draft = new Draft(batch, Optional.empty(), branch);
        draft.own().addAll(places.of(batch));
        for (int run : batch.runs()) {
            divideMixed(run, before, draft);
            draft.own().addAll(byRun.get(run));
            dependencies.effects(run).forEach(effect -> place(effect, draft));
        }
        add(before);
        add(draft);
    }

    /** The prompt pass, what mixes its values with those of other runs, and the later steps. */
    private void draft(Batch batch, RunInput.Generation generation) {
        int head = batch.runs().get(0);
        List<Integer> unit = dependencies.unit(head);
        Stepping stepping = Stepping.of(
                target, head, generation, edited(unit), Leaving.of(target, graph, types, dependencies, head));
        Draft before = new Draft(Batch.NONE);
        Draft prompt = new Draft(batch, Optional.of(stepping), Optional.empty());
        fill(head, before, prompt);
        add(before);
        add(prompt);
        Draft between = new Draft(Batch.NONE);
        List<Draft> later = new ArrayList<>();
        for (int run : unit.subList(1, unit.size())) {
            Batch steps = Batch.of(target.wiring().manifest(), graph.runs(), List.of(run));
            Draft draft = new Draft(steps, Optional.of(stepping.later(true)), Optional.empty());
            fill(run, between, draft);
            later.add(draft);
        }
        add(between);
        later.forEach(this::add);
        ends.put(head, drafts.size() - 1);
    }

    /** Returns what steps keep that belongs to the prompt pass and to other runs together. */
    private List<Integer> overSteps(int head) {
        return dependencies.needed().stream()
                .mapToObj(graph.nodes()::get)
                .filter(node -> node instanceof Node.OverSteps over && over.generation() == head)
                .flatMap(node -> node.inputs().stream())
                .filter(id -> dependencies.owner(id) == Dependencies.MIXED)
                .toList();
    }

    private void fill(int run, Draft before, Draft draft) {
        divideMixed(run, before, draft);
        draft.own().addAll(byRun.get(run));
        for (Effect effect : dependencies.effects(run)) {
            boolean hands = effect instanceof Effect.Choose
                    || effect instanceof Effect.Carry
                    || effect instanceof Effect.Finish;
            if (hands) {
                handed.addAll(effect.inputs());
                effect.inputs().stream()
                        .filter(id -> dependencies.owner(id) == Dependencies.CONSTANT && !isConstant(id))
                        .forEach(id -> {
                            draft.own().add(id);
                            draft.results().add(id);
                        });
            } else {
                place(effect, draft);
            }
        }
    }

    /** Returns the places that some step of a generation edits and that something reads. */
    private List<Stepping.Edited> edited(List<Integer> unit) {
        Draft all = new Draft(Batch.NONE);
        for (int run : unit) {
            dependencies.effects(run).stream()
                    .filter(effect -> effect instanceof Effect.Write || effect instanceof Effect.Skip)
                    .forEach(effect -> place(effect, all));
        }
        Map<List<Object>, Stepping.Edited> places = new LinkedHashMap<>();
        for (Edit edit : all.edits()) {
            Place place = edit.place();
            if (Stepping.isOfAllSteps(target, edit, all.edits(), unit)) {
                continue;
            }
            if (!target.graph().consumers(place.value()).isEmpty()) {
                places.putIfAbsent(List.of(place.value(), place.point()), new Stepping.Edited(edit.site(), place));
            }
        }
        return List.copyOf(places.values());
    }

    /** What mixes runs is computed before a run if its edits need it, or in it if it needs the run's own values. */
    private void divideMixed(int run, Draft before, Draft draft) {
        BitSet dependent = new BitSet();
        for (int id : closure(run)) {
            boolean inputs = graph.nodes().get(id).inputs().stream().anyMatch(dependent::get);
            boolean own = dependencies.owner(id) == run || draft.own().contains(id);
            if (own || (dependencies.owner(id) == Dependencies.MIXED && inputs)) {
                dependent.set(id);
            }
            boolean open =
                    homes[id] < 0 && !draft.own().contains(id) && !before.own().contains(id);
            if (dependencies.owner(id) == Dependencies.MIXED && open && !isLocal(id)) {
                (dependent.get(id) ? draft : before).own().add(id);
            }
        }
    }

    private void place(Effect effect, Draft draft) {
        if (effect instanceof Effect.Write write) {
            Place place = target.editable(write.site());
            draft.edits()
                    .add(new Edit(
                            write.run(),
                            target.wiring().manifest().site(write.site()).name(),
                            place,
                            write.version(),
                            write.value()));
        } else if (effect instanceof Effect.Stop stop) {
            draft.stops().add(target.place(stop.site()));
        } else if (effect instanceof Effect.Skip skip) {
            skip(skip, draft);
        } // edits of gradients are made with the gradients
    }

    private void skip(Effect.Skip skip, Draft draft) {
        ModuleInfo module = target.wiring().manifest().module(skip.module());
        List<String> outputs = module.sites().stream()
                .filter(site -> site.substring(site.lastIndexOf('#') + 1).startsWith("output"))
                .toList();
        for (String output : outputs) {
            int index = Outputs.index(output);
            if (index < skip.values().size()) {
                draft.edits()
                        .add(new Edit(
                                skip.run(),
                                output,
                                target.place(output),
                                Edit.SKIP,
                                skip.values().get(index)));
            }
        }
    }

    private void add(Draft draft) {
        if (draft.batch().isEmpty()) {
            stages(draft.own()).forEach(this::addWithoutModel);
        } else if (!draft.own().isEmpty() || draft.batch().runs().stream().anyMatch(bases::containsValue)) {
            draft.own().forEach(id -> homes[id] = drafts.size());
            drafts.add(draft);
        }
    }

    private void addWithoutModel(List<Integer> own) {
        own.forEach(id -> homes[id] = drafts.size());
        Draft draft = new Draft(Batch.NONE);
        draft.own().addAll(own);
        drafts.add(draft);
    }

    /** Returns values in stages: what needs a function in Java of another is behind that, and each is with what needs it. */
    private Collection<List<Integer>> stages(SortedSet<Integer> own) {
        SortedMap<Integer, List<Integer>> stages = new TreeMap<>();
        Map<Integer, Integer> stageOf = new HashMap<>();
        for (int id : own) {
            int stage = 0;
            for (int input : graph.nodes().get(id).inputs()) {
                int behind = 0;
                int source = input;
                while (graph.nodes().get(source) instanceof Node.Local local) {
                    source = local.input();
                    behind = 1;
                }
                stage = Math.max(stage, own.contains(source) ? stageOf.getOrDefault(source, 0) + behind : 0);
            }
            stageOf.put(id, stage);
        }
        Map<Integer, Integer> latest = new HashMap<>();
        for (int id : new TreeSet<>(own).descendingSet()) {
            int stage = latest.getOrDefault(id, stageOf.getOrDefault(id, 0));
            stages.computeIfAbsent(stage, unused -> new ArrayList<>()).add(0, id);
            for (int input : graph.nodes().get(id).inputs()) {
                int source = input;
                while (graph.nodes().get(source) instanceof Node.Local local) {
                    source = local.input();
                }
                latest.merge(source, source == input ? stage : stageOf.getOrDefault(source, 0), Math::min);
            }
        }
        return stages.values();
    }

    /** Adds the values of constants that a program needs, and has the others publish what it takes from them. */
    private void complete(Draft draft) {
        Deque<Integer> open = new ArrayDeque<>();
        List.copyOf(draft.own()).forEach(id -> open.addAll(graph.nodes().get(id).inputs()));
        draft.edits().forEach(edit -> open.push(edit.value()));
        while (!open.isEmpty()) {
            int id = open.pop();
            if (dependencies.owner(id) != Dependencies.CONSTANT) {
                if (!draft.own().contains(id)) {
                    publish(id);
                }
            } else if (!isConstant(id) && draft.own().add(id)) {
                open.addAll(graph.nodes().get(id).inputs());
            }
        }
    }

    private void publish(int id) {
        if (homes[id] >= 0 && !isLocal(id)) {
            drafts.get(homes[id]).results().add(id);
        }
    }
}
