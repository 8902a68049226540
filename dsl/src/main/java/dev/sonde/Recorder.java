package dev.sonde;

import dev.sonde.graph.Attribute;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Tokenizer;
import dev.sonde.training.Trainable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Writes down what the language's objects are told. One per session, on one thread. */
final class Recorder {
    /** The type of a value that could not be; what is computed from it cannot be either, and says nothing more. */
    private static final ValueType BROKEN = ValueType.of(DType.BOOL, List.of(new Dim("broken", Dim.UNKNOWN)));

    private static final int SHOWN_PROBLEMS = 20;

    private final Backend backend;
    private final ModelManifest manifest;
    private final ShapeRules rules;
    private final Thread owner = Thread.currentThread();
    private final List<RunInput> runs = new ArrayList<>();
    private final List<Mark> started = new ArrayList<>();
    private final List<Node> nodes = new ArrayList<>();
    private final List<ValueType> types = new ArrayList<>();
    private final BitSet raw = new BitSet();
    private final BitSet broken = new BitSet();
    private final List<Effect> effects = new ArrayList<>();
    private final Deque<Integer> conditions = new ArrayDeque<>();
    private final Shadows shadows = new Shadows();
    private final Map<String, Integer> versions = new HashMap<>();
    private final StepValues steps = new StepValues();
    private final List<SondeException> problems = new ArrayList<>();
    private final Map<String, Saved<Tensor>> saves = new LinkedHashMap<>();
    private final Map<String, Integer> logs = new LinkedHashMap<>();
    private final Map<Trainable, Integer> trainables = new LinkedHashMap<>();
    private String scope = "";
    private int scopeStart;
    private final List<Consumer<Trace>> edits;
    private final Cycles cycles;
    private boolean open = true;

    /** How much was recorded when a run began. */
    private record Mark(int nodes, int problems) {}

    /** {@code edits} are those that every run has. */
    Recorder(Backend backend, List<Consumer<Trace>> edits) {
        this.backend = backend;
        this.edits = edits;
        this.manifest = backend.manifest();
        this.cycles = new Cycles(manifest, nodes);
        this.rules = new ShapeRules(manifest);
    }

    ModelManifest manifest() {
        return manifest;
    }

    /** Returns the model's tokenizer if it has one. */
    Optional<Tokenizer> decoder() {
        return backend.tokenizer();
    }

    Tokenizer tokenizer() {
        return tokenizer(manifest, backend.tokenizer());
    }

    static Tokenizer tokenizer(ModelManifest manifest, Optional<Tokenizer> tokenizer) {
        return tokenizer.orElseThrow(() -> new SondeException(
                "no-tokenizer",
                "Model '" + manifest.name() + "' has no tokenizer: put a tokenizer.json beside the ONNX"
                        + " file, or give token ids by Input.ids(...)"));
    }

    int run(RunInput input) {
        int run = plainRun(input);
        edits.forEach(edit -> edit.accept(new Trace(this, run)));
        return run;
    }

    /** Adds a run without the edits that every run has. */
    int plainRun(RunInput input) {
        check();
        try {
            rules.sizes(input);
        } catch (SondeException e) {
            throw new SondeException(e.code(), e.problem() + "\n    at " + UserLine.here(), e);
        }
        runs.add(input);
        started.add(new Mark(nodes.size(), problems.size()));
        return runs.size() - 1;
    }

    RunInput input(int run) {
        return runs.get(run);
    }

    /** Adds a value; one that cannot be is kept as a problem for {@link #finish()}, with the user's line. */
    int add(Node node) {
        check();
        int id = nodes.size();
        ValueType type = BROKEN;
        try {
            broken.set(id, node.inputs().stream().anyMatch(broken::get));
            steps.add(id, node, runs);
            type = broken.get(id) ? BROKEN : rules.type(node, types, runs);
        } catch (SondeException e) {
            problem(e);
            broken.set(id);
        }
        nodes.add(node);
        types.add(type);
        raw.set(id, isRaw(node));
        return id;
    }

    void problem(SondeException e) {
        String within = scope.isEmpty() ? "" : ", in " + scope;
        problems.add(new SondeException(e.code(), e.problem() + "\n    at " + UserLine.here() + within, e));
    }

    /** Records with {@code name/} before the names of saved values. */
    void within(String name, Runnable body) {
        check();
        String outer = scope;
        int outerStart = scopeStart;
        scope = outer.isEmpty() ? name : outer + "/" + name;
        scopeStart = saves.size();
        try {
            body.run();
        } finally {
            scope = outer;
            scopeStart = outerStart;
        }
    }

    /** Returns what was recorded so far. */
    Cost cost() {
        long rows = 0;
        long tokens = 0;
        for (RunInput run : runs) {
            Map<String, Long> sizes = rules.sizes(run);
            long batch = sizes.getOrDefault("batch", 1L);
            rows += batch;
            tokens += batch * sizes.getOrDefault("position", 1L);
        }
        long bytes = saves.values().stream()
                .mapToLong(saved -> types.get(saved.node()).bytes())
                .sum();
        return new Cost(rows, tokens, bytes);
    }

    private boolean isRaw(Node node) {
        if (node instanceof Node.Read read) {
            return runs.get(read.run()) instanceof RunInput.Tensors && !isOpen(read.run());
        }
        return node.inputs().stream().anyMatch(raw::get);
    }

    /** Adds a region of a value. */
    int select(int of, List<Selector> selectors) {
        StepValues.Region region = steps.region(of, type(of), isRaw(of), selectors, runs);
        int id = add(new Node.Select(of, region.selection()));
        steps.mark(id, region);
        return id;
    }

    /** Adds a value with a region replaced. */
    int put(int into, int value, List<Selector> selectors) {
        StepValues.Region region = steps.region(into, type(into), isRaw(into), selectors, runs);
        if (region.isAbsent()) {
            return into;
        }
        int id = add(new Node.Put(into, value, region.selection()));
        if (!region.isPartial() || isBroken(id)) {
            return id;
        }
        long[] shape = new long[type(into).rank()];
        java.util.Arrays.fill(shape, 1);
        shape[0] = region.present().size();
        boolean[] rows = new boolean[region.present().size()];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = region.present().get(i);
        }
        int mask = add(new Node.Constant(Tensor.of(rows, shape)));
        int chosen = add(new Node.Apply(dev.sonde.graph.Operator.WHERE, List.of(mask, id, into), Map.of(), Map.of()));
        steps.settle(chosen);
        return chosen;
    }

    /** Returns whether a value is computed in that pass of a generation. */
    boolean isOf(int run, int id) {
        return steps.isOf(run, id);
    }

    /** Returns whether a value is at a position that its step does not compute. */
    boolean isAbsent(int id) {
        return steps.isAbsent(id);
    }

    /** Returns whether only some rows' step computes the value. */
    boolean isPartial(int id) {
        return steps.isPartial(id);
    }

    /** Returns where the recording stands. */
    int mark() {
        check();
        return runs.size();
    }

    /** Forgets a run, which is the last one, and all that was recorded since it began. */
    void rewind(int run) {
        int size = started.get(run).nodes();
        truncate(problems, started.get(run).problems());
        truncate(nodes, size);
        truncate(types, size);
        raw.clear(size, Math.max(size, raw.length()));
        broken.clear(size, Math.max(size, broken.length()));
        steps.truncate(size);
        truncate(runs, run);
        truncate(started, run);
        effects.removeIf(effect -> effect.run() >= run);
        versions.keySet().removeIf(key -> Integer.parseInt(key.substring(0, key.indexOf(' '))) >= run);
        int end = size;
        saves.values().removeIf(saved -> saved.node() >= end);
        logs.values().removeIf(id -> id >= end);
        trainables.values().removeIf(id -> id >= end);
    }

    private static void truncate(List<?> list, int size) {
        list.subList(size, list.size()).clear();
    }

    /** Returns whether the value comes from a run of raw tensors, whose positions are not a prompt's. */
    boolean isRaw(int node) {
        return raw.get(node);
    }

    ValueType type(int node) {
        return types.get(node);
    }

    boolean isBroken(int node) {
        return broken.get(node);
    }

    /** Returns a broken value, for a mistake that was found before there was a node. */
    int broken(SondeException e) {
        problem(e);
        Node none = new Node.Constant(Tensor.scalar(DType.BOOL, 0));
        steps.add(nodes.size(), none, runs);
        nodes.add(none);
        types.add(BROKEN);
        broken.set(nodes.size() - 1);
        return nodes.size() - 1;
    }

    int read(int run, String name) {
        try {
            return read(run, name, 0);
        } catch (SondeException e) {
            return broken(e);
        }
    }

    /** Reads a site behind as many more writes as have been recorded there. */
    int read(int run, String name, int more) {
        SiteInfo site = manifest.site(name);
        int version = versions.getOrDefault(run + " " + site.point(), 0) + more;
        boolean untouched = site.isParameter() && version == 0 && !isOpen(run);
        return add(untouched ? new Node.Parameter(site.name()) : new Node.Read(run, site.name(), version));
    }

    /** Returns whether the run stands for any run; what it reads may have been edited before. */
    private boolean isOpen(int run) {
        return runs.get(run) instanceof RunInput.Tensors tensors
                && tensors.tensors().isEmpty();
    }

    int parameter(String name) {
        try {
            return add(new Node.Parameter(manifest.site(name).name()));
        } catch (SondeException e) {
            return broken(e);
        }
    }

    void write(int run, String name, int value) {
        check();
        if (isBroken(value) || isAbsent(value)) {
            return;
        }
        try {
            if (isPartial(value)) {
                throw new SondeException(
                        "position-not-computed",
                        "A value written to '" + name + "' is at a position that only some rows compute: expected"
                                + " with(position(...), ...) for the region");
            }
            checkStep(run, value);
            SiteInfo site = manifest.site(name);
            if (!site.editable()) {
                throw new SondeException("read-only-site", "Site '" + site.name() + "' can be read but not edited");
            }
            ValueType expected = rules.read(runs.get(run), site.name());
            ShapeRules.checkWrite(site.name(), expected, types.get(value));
            int version = versions.merge(run + " " + site.point(), 1, Integer::sum) - 1;
            Effect.Write write = new Effect.Write(run, site.name(), value, version);
            effects.add(write);
            cycles.written(write);
        } catch (SondeException e) {
            problem(e);
        }
    }

    private void checkStep(int run, int value) {
        if (steps.steps(value) >= 0 && steps.steps(value) != run) {
            throw new SondeException(
                    "other-step",
                    "A value of one step is used in another run: expected keep(name, value) and over(name) behind the"
                            + " generation, or carry(name, value) for the next step");
        }
    }

    /** Returns which keys of a site are the prompts' own, if rows of the run differ in length and the site has keys. */
    Optional<Tensor> ownKeys(int run, String name) {
        Optional<ValueType> type = manifest.find(name).map(site -> rules.read(runs.get(run), site.name()));
        if (type.isEmpty() || !type.get().isRagged() || type.get().axis("key") < 0) {
            return Optional.empty();
        }
        List<Long> lengths = type.get().lengths();
        int width = Collections.max(lengths).intValue();
        boolean[] own = new boolean[lengths.size() * width];
        for (int row = 0; row < lengths.size(); row++) {
            Arrays.fill(own, row * width, row * width + lengths.get(row).intValue(), true);
        }
        long[] shape = new long[type.get().rank()];
        Arrays.fill(shape, 1);
        shape[0] = lengths.size();
        shape[type.get().axis("key")] = width;
        return Optional.of(Tensor.of(own, shape));
    }

    /** Adds the gradient of a scalar with respect to a value, as the edits of it recorded so far leave it. */
    int gradient(int of, int wrt) {
        if (isBroken(of) || isBroken(wrt)) {
            return isBroken(of) ? of : wrt;
        }
        int value = sameValue(wrt);
        int version = versions.getOrDefault("gradient " + of + " " + value, 0);
        return add(new Node.Gradient(List.of(of), List.of(), value, version));
    }

    /** Replaces the gradient of a scalar with respect to a value on its way back. */
    void writeGradient(int of, int wrt, int gradient) {
        check();
        if (isBroken(of) || isBroken(wrt) || isBroken(gradient)) {
            return;
        }
        try {
            int value = sameValue(wrt);
            ShapeRules.checkWrite("gradient", types.get(value), types.get(gradient));
            int version = versions.merge("gradient " + of + " " + value, 1, Integer::sum) - 1;
            effects.add(new Effect.GradientWrite(runOf(value, of), of, value, gradient, version));
        } catch (SondeException e) {
            problem(e);
        }
    }

    /** Two reads of one site are one value, and so is a parameter. */
    private int sameValue(int id) {
        Node node = nodes.get(id);
        return node instanceof Node.Read || node instanceof Node.Parameter ? nodes.indexOf(node) : id;
    }

    /** Returns the run that a value belongs to; one without a run belongs to that of what is differentiated. */
    private int runOf(int value, int of) {
        Deque<Integer> open = new ArrayDeque<>(List.of(of, value));
        BitSet seen = new BitSet();
        while (!open.isEmpty()) {
            int id = open.removeLast();
            Node node = nodes.get(id);
            if (node instanceof Node.Read read) {
                return read.run();
            }
            if (!seen.get(id)) {
                seen.set(id);
                open.addAll(node.inputs());
            }
        }
        throw new SondeException(
                "no-gradient",
                "A gradient can only be edited where a run is differentiated: expected a value of a run");
    }

    /** Records edits that only happen where a condition holds. */
    void when(int condition, Runnable edits) {
        conditions.push(condition);
        try {
            edits.run();
        } finally {
            conditions.pop();
        }
    }

    Iterable<Integer> conditions() {
        return List.copyOf(conditions);
    }

    void skip(int run, String module, List<Integer> values) {
        try {
            Effect.Skip skip = new Effect.Skip(run, manifest.module(module).path(), values);
            rules.checkSkip(skip, types, runs);
            effect(skip);
        } catch (SondeException e) {
            problem(e);
        }
    }

    void stop(int run, String site) {
        try {
            effect(new Effect.Stop(run, manifest.site(site).name()));
        } catch (SondeException e) {
            problem(e);
        }
    }

    void effect(Effect effect) {
        check();
        if (!conditions.isEmpty()) {
            problem(
                    new SondeException(
                            "not-conditional",
                            "skip and stop change what runs and cannot depend on data: expected set or update inside when(...)"));
        }
        effects.add(effect);
    }

    /** Adds an operator by its ONNX name. */
    int onnx(String operator, int output, List<Integer> inputs, Map<String, ?> attributes) {
        check();
        if (inputs.stream().anyMatch(broken::get)) {
            return inputs.stream().filter(broken::get).findFirst().orElseThrow();
        }
        try {
            Map<String, Attribute> typed = new HashMap<>();
            attributes.forEach((name, value) -> typed.put(name, Attribute.of(value)));
            int colon = operator.indexOf(':');
            String domain = colon < 0 ? "" : operator.substring(0, colon);
            String name = operator.substring(colon + 1);
            Node.Onnx open = new Node.Onnx(domain, name, inputs, typed, output, BROKEN);
            ValueType type = backend.infer(
                    open,
                    inputs.stream().map(types::get).toList(),
                    inputs.stream().map(this::known).toList());
            return add(new Node.Onnx(domain, name, inputs, typed, output, type));
        } catch (IllegalArgumentException e) {
            return broken(new SondeException("bad-operator", "An attribute of " + operator + ": " + e.getMessage(), e));
        } catch (SondeException e) {
            return broken(e);
        }
    }

    private Optional<Tensor> known(int node) {
        return nodes.get(node) instanceof Node.Constant constant ? Optional.of(constant.value()) : Optional.empty();
    }

    /** Adds a function in Java; if runs that it depends on are edited by what it returns, it sees them without those edits. */
    int local(int input, UnaryOperator<Tensor> function, ValueType type) {
        if (isBroken(input)) {
            return input;
        }
        if (steps.isOfGeneration(input)) {
            return broken(new SondeException(
                    "unsupported-in-steps",
                    "A function in Java cannot be called inside a generation: expected Sonde's operators there, or a"
                            + " function of what over(name) returns"));
        }
        int apart = shadows.of(input, this, nodes, runs);
        return add(new Node.Local(apart, function, type, UserLine.here().toString()));
    }

    /** Returns a trainable's numbers, one value however often they are used. */
    int trainable(Trainable trainable) {
        check();
        @Nullable Integer known = trainables.get(trainable);
        if (known == null) {
            known = add(new Node.Constant(trainable.tensor()));
            trainables.put(trainable, known);
        }
        return known;
    }

    Map<Trainable, Integer> trainables() {
        return trainables;
    }

    void log(int node, String label) {
        check();
        logs.put(InterventionGraph.LOG + logs.size() + ":" + label, node);
    }

    Saved<Tensor> save(int node, @Nullable String wanted) {
        check();
        String own = wanted == null ? "saved_" + (saves.size() - scopeStart) : wanted;
        String name = scope.isEmpty() ? own : scope + "/" + own;
        if (own.startsWith(InterventionGraph.LOG)) {
            throw new SondeException(
                    "bad-name",
                    "A value cannot be saved as '" + own + "': names that begin with '" + InterventionGraph.LOG
                            + "' are for log(...) (" + UserLine.here() + ")");
        }
        if (saves.containsKey(name)) {
            throw new SondeException(
                    "duplicate-name", "Two values are saved as '" + name + "' (" + UserLine.here() + ")");
        }
        if (steps.steps(node) >= 0) {
            problem(
                    new SondeException(
                            "other-step",
                            "A value of a step cannot be saved alone: expected keep(name, value), which keeps it for every step"));
        }
        Saved<Tensor> saved = new Saved<>(node, name);
        saves.put(name, saved);
        return saved;
    }

    List<Saved<Tensor>> saves() {
        return List.copyOf(saves.values());
    }

    /** Ends the recording; afterwards its objects cannot be used. */
    InterventionGraph finish() {
        check();
        List<Effect> written = problems.isEmpty() ? shadows.effects(this, nodes, effects) : effects;
        open = false;
        if (problems.size() == 1) {
            throw problems.get(0);
        }
        if (!problems.isEmpty()) {
            String all = problems.stream()
                    .limit(SHOWN_PROBLEMS)
                    .map(p -> "\n  [" + p.code() + "] " + p.problem())
                    .collect(Collectors.joining());
            String more =
                    problems.size() > SHOWN_PROBLEMS ? "\n  and " + (problems.size() - SHOWN_PROBLEMS) + " more" : "";
            throw new SondeException(
                    problems.get(0).code(),
                    problems.size() + " mistakes in one experiment:" + all + more,
                    problems.get(0));
        }
        Map<String, Integer> ids = new LinkedHashMap<>();
        saves.forEach((name, saved) -> ids.put(name, saved.node()));
        ids.putAll(logs);
        InterventionGraph graph = new InterventionGraph(manifest.sha256(), runs, nodes, written, ids);
        cycles.check(graph, backend);
        return graph;
    }

    private void check() {
        if (!open) {
            throw new IllegalStateException(
                    "This recording has ended: values, runs and sessions belong to the lambda that"
                            + " received them. Save what you need with save().");
        }
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException("This recording belongs to thread '" + owner.getName()
                    + "' but was used from '" + Thread.currentThread().getName() + "'");
        }
    }
}
