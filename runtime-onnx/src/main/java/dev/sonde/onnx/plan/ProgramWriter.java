package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.SondeException;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.SiteInfo;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Writes one program: the values that are its own, and the edits of its runs. */
final class ProgramWriter {
    private final Target target;
    private final InterventionGraph experiment;
    private final List<ValueType> types;
    private final Share share;
    private final Emitter emitter;
    private final Operators operators;
    private final Regions regions;
    private final Views views;
    private final Products products;
    private final Calls calls;
    private final Unembedding unembedding;
    private final Wires wires;
    private final Map<Integer, String> names = new HashMap<>();
    private final Rows rows;
    private final Optional<Stepping.Lens> lens;
    private final Optional<BranchWriter> branch;
    private final Map<Shown, String> shown = new HashMap<>();
    private final Gradients gradients;
    private final Set<Integer> differentiatedBy = new HashSet<>();

    /** What sites read or write, for errors. */
    private final Map<String, String> sitesOf = new HashMap<>();

    /** A value of the model as a site shows it. */
    private record Shown(String value, List<Step> steps) {}

    /**
     * What a program consists of.
     *
     * @param dependencies between the values of the experiment
     * @param batch its runs
     * @param own ids of the values that it computes
     * @param edits of the runs
     * @param stops of the runs
     * @param results ids of those of its values that are needed elsewhere
     * @param locals ids of functions in Java that are called when it has run
     * @param stepping what is special about it if it belongs to a generation
     * @param branch how its runs leave another, if they do
     * @param captures values of its runs that other programs start from
     * @param absent receives the parts of gradients that are nothing
     * @param recomputes whether backward passes compute again what lies between blocks
     */
    record Share(
            Dependencies dependencies,
            Batch batch,
            SortedSet<Integer> own,
            List<Edit> edits,
            List<Place> stops,
            Collection<Integer> results,
            List<Integer> locals,
            Optional<Stepping> stepping,
            Optional<Branch> branch,
            Captures captures,
            Set<Integer> absent,
            boolean recomputes) {}

    private ProgramWriter(
            Target target, InterventionGraph experiment, List<ValueType> types, Share share, boolean together) {
        this.target = target;
        this.experiment = experiment;
        this.types = types;
        this.share = share;
        this.emitter = new Emitter(opset());
        this.operators = new Operators(emitter);
        this.regions = new Regions(emitter);
        this.views = new Views(emitter);
        this.lens = share.stepping().map(stepping -> stepping.new Lens(emitter));
        this.wires = new Wires(target.graph(), target.wiring(), emitter, edits(share), this::write);
        this.products = new Products(target.graph(), emitter, wires::isEdited, together);
        this.calls = new Calls(target.graph(), target.wiring(), emitter, products, wires);
        this.rows = new Rows(share.batch(), emitter);
        this.unembedding = new Unembedding(target, experiment, types, products, this::seenBy);
        this.branch = share.branch().map(each -> new BranchWriter(each, target, share.captures(), emitter, views));
        this.gradients = new Gradients(experiment, share.dependencies(), emitter, new GradientSite(), share.absent());
        share.own().forEach(id -> {
            if (experiment.nodes().get(id) instanceof Node.Gradient gradient) {
                differentiatedBy.add(gradient.wrt());
            }
        });
    }

    /** Before the edits of steps that compute all anew, what earlier steps wrote is put back. */
    private static List<Edit> edits(Share share) {
        List<Edit> all = new ArrayList<>();
        share.stepping().filter(Stepping::recomputes).ifPresent(stepping -> {
            for (int i = 0; i < stepping.edited().size(); i++) {
                Stepping.Edited edited = stepping.edited().get(i);
                int run = share.batch().runs().get(0);
                all.add(new Edit(run, edited.site(), edited.place(), Stepping.RESTORE, i));
            }
        });
        all.addAll(share.edits());
        return all;
    }

    /** Where gradients are looked at. */
    private final class GradientSite implements Gradients.Site {
        @Override
        public String name(int id) {
            return ProgramWriter.this.name(id);
        }

        @Override
        public String wire(int wrt) {
            if (isParameter(wrt)) {
                return place(wrt).value();
            }
            return isOwn(wrt)
                    ? wires.read(owner(read(wrt)), place(wrt), read(wrt).version())
                    : name(wrt);
        }

        @Override
        public String show(int wrt, String gradient) {
            if (isParameter(wrt)) {
                return ProgramWriter.this.show(gradient, place(wrt)); // all rows of a run have one
            }
            return isOwn(wrt) ? rows.take(ProgramWriter.this.show(gradient, place(wrt)), owner(read(wrt))) : gradient;
        }

        @Override
        public String replace(int wrt, String gradient, int value) {
            if (isParameter(wrt)) {
                return replaceParameter(wrt, gradient, value);
            }
            if (!isOwn(wrt)) {
                return name(value);
            }
            Place place = place(wrt);
            boolean all = share.batch().isSingle();
            String shownBefore = ProgramWriter.this.show(gradient, place);
            String whole = rows.replace(
                    all ? gradient : shownBefore, Map.of(owner(read(wrt)), fitted(wrt, value, shownBefore)));
            return place.steps().isEmpty() ? whole : views.hide(whole, gradient, place.steps());
        }

        @Override
        public String zeros(int wrt) {
            String zero =
                    emitter.constant(dev.sonde.Tensor.scalar(types.get(wrt).dtype(), 0));
            return emitter.node("Expand", List.of(zero, emitter.node("Shape", List.of(ProgramWriter.this.name(wrt)))));
        }

        @Override
        public Set<String> checkpoints() {
            if (!share.recomputes()) {
                return Set.of();
            }
            return target.wiring().manifest().sites().stream()
                    .filter(site -> site.name().endsWith("#resid_post"))
                    .map(site -> target.place(site.name()).value())
                    .collect(Collectors.toSet());
        }

        private String fitted(int wrt, int value, String shownBefore) {
            boolean same = java.util.Arrays.equals(
                            types.get(wrt).shape(), types.get(value).shape())
                    && types.get(wrt).dims().stream().noneMatch(dim -> dim.size() == Dim.UNKNOWN);
            String own = rows.take(shownBefore, owner(read(wrt)));
            return same
                    ? name(value)
                    : emitter.node("Expand", List.of(name(value), emitter.node("Shape", List.of(own))));
        }

        private String replaceParameter(int wrt, String gradient, int value) {
            Place place = place(wrt);
            String own = ProgramWriter.this.show(gradient, place);
            String whole = emitter.node("Expand", List.of(name(value), emitter.node("Shape", List.of(own))));
            return place.steps().isEmpty() ? whole : views.hide(whole, gradient, place.steps());
        }

        private boolean isParameter(int wrt) {
            return experiment.nodes().get(wrt) instanceof Node.Parameter;
        }

        private boolean isOwn(int wrt) {
            return experiment.nodes().get(wrt) instanceof Node.Read
                    && share.own().contains(wrt);
        }

        private Node.Read read(int wrt) {
            return (Node.Read) experiment.nodes().get(wrt);
        }

        private Place place(int wrt) {
            return target.place(
                    experiment.nodes().get(wrt) instanceof Node.Parameter parameter
                            ? parameter.site()
                            : read(wrt).site());
        }
    }

    /** Without the model any will do, except for operators that the user named. */
    private int opset() {
        return isOnModel() || owns(Node.Onnx.class) ? target.graph().opset() : Target.EPILOGUE_OPSET;
    }

    /** Parameters are in the model, even when it does not run. */
    private boolean isOnModel() {
        return !share.batch().isEmpty() || owns(Node.Parameter.class);
    }

    private boolean owns(Class<? extends Node> kind) {
        return share.own().stream().map(experiment.nodes()::get).anyMatch(kind::isInstance);
    }

    /** Writes a program; products with one matrix are one unless one of them needs another. */
    static Program write(Target target, InterventionGraph experiment, List<ValueType> types, Share share) {
        try {
            return new ProgramWriter(target, experiment, types, share, true).write();
        } catch (Circle joined) {
            ProgramWriter apart = new ProgramWriter(target, experiment, types, share, false);
            try {
                return apart.write();
            } catch (Circle circle) {
                throw apart.cyclic(circle);
            }
        }
    }

    private SondeException cyclic(Circle circle) {
        List<String> sites = new ArrayList<>(new LinkedHashSet<>(circle.values().stream()
                .filter(sitesOf::containsKey)
                .map(value -> "'" + sitesOf.get(value) + "'")
                .toList()));
        if (!sites.isEmpty()) {
            Collections.rotate(sites, -sites.indexOf(Collections.min(sites))); // one circle, told in one way
        }
        String path =
                sites.isEmpty() ? circle.values().toString() : String.join(" needs ", sites) + " needs " + sites.get(0);
        return new SondeException(
                "cyclic-values",
                "A value depends on itself through a write: expected writes that need only values before them, but "
                        + path);
    }

    private Program write() {
        share.own().forEach(this::lower);
        share.batch()
                .runs()
                .forEach(run -> share.dependencies().effects(run).forEach(effect -> {
                    if (effect instanceof Effect.GradientWrite write) {
                        gradients.write(write);
                    }
                }));
        Map<Splice.Use, String> redirects = branch.isPresent() ? Map.of() : wires.redirects();
        branch.ifPresent(each -> each.nodes(wires));
        Optional<Turn> turn = share.stepping().map(this::turn);
        wires.flush();
        products.flush();
        if (!gradients.isEmpty()) {
            gradients.emit(circuit(redirects));
        }
        Map<Integer, String> values = new LinkedHashMap<>();
        Map<String, String> outputs = new HashMap<>();
        new TreeSet<>(share.results()).forEach(id -> values.put(id, outputs.computeIfAbsent(name(id), this::output)));
        capture(values);
        Set<String> all = new LinkedHashSet<>(values.values());
        turn.ifPresent(each -> {
            all.addAll(new java.util.TreeMap<>(each.cache()).values());
            all.addAll(each.buffers());
        });
        Set<Integer> forbidden = new LinkedHashSet<>();
        share.stops().forEach(stop -> forbidden.addAll(wires.after(stop)));
        Splice splice = new Splice(
                isOnModel(),
                emitter.opset(),
                emitter.nodes(),
                emitter.initializers(),
                emitter.inputs(),
                redirects,
                new ArrayList<>(all),
                forbidden,
                isOnModel() ? target.few(share.batch()) : Set.of());
        return target.program(share.batch(), splice, emitter.feeds(), values, share.locals(), turn, notes());
    }

    /** What a step hands to the next. */
    private Turn turn(Stepping stepping) {
        Stepping.Lens through = lens.orElseThrow();
        int run = share.batch().runs().get(0);
        Map<String, String> cache = new LinkedHashMap<>();
        if (stepping.cached()) {
            List<String> outputs = target.graph().model().getGraph().getOutputList().stream()
                    .map(ValueInfoProto::getName)
                    .toList();
            Stepping.cache(target.wiring().manifest(), outputs).forEach((past, present) -> {
                String seen =
                        wires.read(run, new Place(present, new Point.Output("", 0), List.of()), Integer.MAX_VALUE);
                cache.put(past, aligned(stepping, through, past, seen));
            });
        }
        List<String> buffers = new ArrayList<>();
        for (Stepping.Edited edited : stepping.edited()) {
            String last = wires.read(run, edited.place(), Integer.MAX_VALUE);
            buffers.add(output(show(last, edited.place())));
        }
        Set<Integer> needs = new LinkedHashSet<>();
        share.dependencies().effects(run).stream()
                .filter(effect -> effect instanceof Effect.Choose
                        || effect instanceof Effect.Carry
                        || effect instanceof Effect.Finish)
                .flatMap(effect -> effect.inputs().stream())
                .filter(id ->
                        !share.results().contains(id) && !(experiment.nodes().get(id) instanceof Node.Constant))
                .forEach(needs::add);
        int most = ((RunInput.Generation) experiment.runs().get(stepping.generation()))
                .options()
                .maxNewTokens();
        return new Turn(
                stepping.generation(),
                cache,
                buffers,
                most,
                stepping.positions(target.wiring().manifest()),
                stepping.leaving(),
                needs);
    }

    private String aligned(Stepping stepping, Stepping.Lens through, String past, String present) {
        boolean moves = stepping.ragged()
                && !stepping.later()
                && !stepping.goesOnApart(target.wiring().manifest());
        if (!moves) {
            return present;
        }
        RunInput.Generation input = (RunInput.Generation) share.batch().inputs().get(0);
        return through.aligned(
                present,
                target.wiring().manifest().inputs().stream()
                        .filter(each -> each.name().equals(past))
                        .findFirst()
                        .orElseThrow(),
                input.prompt().lengths());
    }

    /** Returns too what programs of other runs start from. */
    private void capture(Map<Integer, String> values) {
        for (int run : share.batch().runs()) {
            share.captures().of(run).forEach((value, id) -> values.put(id, output(rows.takeRaw(value, run, target))));
        }
    }

    /** A value that gradients are taken with respect to has a name of its own, even if it is another under another name. */
    private String apart(int id, String name) {
        boolean own = experiment.nodes().get(id) instanceof Node.Apply && differentiatedBy.contains(id);
        return own ? emitter.node("Identity", List.of(name)) : name;
    }

    private ProgramCircuit circuit(Map<Splice.Use, String> redirects) {
        boolean onModel = !share.batch().isEmpty();
        Map<String, Long> sizes = onModel
                ? new ShapeRules(target.wiring().manifest()).sizes(share.batch().together())
                : Map.of();
        ProgramCircuit circuit = new ProgramCircuit(target, onModel, sizes, emitter, redirects);
        names.forEach((id, name) -> circuit.know(name, types.get(id)));
        return circuit;
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        share.branch().map(Branch::note).ifPresent(notes::add);
        if (!gradients.checkpoints().isEmpty()) {
            notes.add(
                    "keeps the stream between blocks for the way back and computes again what lies between: the memory budget");
        }
        return notes;
    }

    /** Inputs and constants cannot be outputs, so every output is a node's. */
    private String output(String name) {
        return emitter.node("Identity", List.of(name));
    }

    private String name(int id) {
        String known = names.get(id);
        if (known != null) {
            return known;
        }
        Node node = experiment.nodes().get(id);
        String name = node instanceof Node.Constant constant
                ? emitter.constant(id, constant.value())
                : emitter.foreign(id, types.get(id).dtype(), types.get(id).rank());
        names.put(id, name);
        return name;
    }

    private void lower(int id) {
        boolean late = branch.isPresent()
                && experiment.nodes().get(id) instanceof Node.Read read
                && branch.get().isSelected(read);
        if (!late) {
            names.put(id, apart(id, lower(id, experiment.nodes().get(id))));
        }
    }

    private String lower(int id, Node node) {
        if (node instanceof Node.Read read) {
            return read(read);
        }
        if (node instanceof Node.Parameter parameter) {
            Place place = target.place(parameter.site());
            return show(place.value(), place);
        }
        if (node instanceof Node.Select select) {
            return unembedding
                    .select(id, select)
                    .or(() -> selected(select))
                    .or(() -> unembedding.columns(select, name(select.input())))
                    .orElseGet(
                            () -> regions.select(name(select.input()), types.get(select.input()), select.selection()));
        }
        if (node instanceof Node.Put put) {
            ValueType into = types.get(put.into());
            return regions.put(name(put.into()), into, name(put.value()), types.get(put.value()), put.selection());
        }
        if (node instanceof Node.Call call) {
            return calls.emit(call.module(), name(call.input()), types.get(call.input()));
        }
        if (node instanceof Node.Constant constant) {
            return emitter.constant(id, constant.value());
        }
        if (node instanceof Node.Carried carried) {
            ValueType type = types.get(id);
            return emitter.carried(carried.name(), carried.initial(), type.dtype(), type.rank());
        }
        if (node instanceof Node.Gradient gradient) {
            return gradients.request(id, gradient);
        }
        if (node instanceof Node.Onnx onnx) {
            return operators.emit(onnx, onnx.inputs().stream().map(this::name).toList());
        }
        Node.Apply apply = (Node.Apply) node;
        return operators.emit(
                apply,
                apply.inputs().stream().map(this::name).toList(),
                apply.inputs().stream().map(types::get).toList());
    }

    /** What is selected of the value that a node of the model reads, if nothing has edited what it makes. */
    private Optional<String> seenBy(int node, Node.Read read, Place made, ValueType type, Selection selection) {
        if (!wires.read(owner(read), made, read.version()).equals(made.value())) {
            return Optional.empty();
        }
        String value = target.graph().node(node).getInput(0);
        String seen = wires.seenBy(node, value);
        int run = owner(read);
        if (branch.isPresent()) {
            return branch.get().select(run, value, seen, selection);
        }
        return Optional.of(regions.select(rows.take(seen, run), type, selection));
    }

    private Optional<String> selected(Node.Select select) {
        if (branch.isEmpty() || !(experiment.nodes().get(select.input()) instanceof Node.Read read)) {
            return Optional.empty();
        }
        Place place = target.place(read.site());
        return place.steps().isEmpty()
                ? branch.get()
                        .select(
                                owner(read),
                                place.value(),
                                wires.read(owner(read), place, read.version()),
                                select.selection())
                : Optional.empty();
    }

    private int owner(Node.Read read) {
        return share.dependencies().computed(read.run());
    }

    private String read(Node.Read read) {
        Place place = target.place(read.site());
        int run = owner(read);
        if (branch.isPresent()) {
            String name = wires.read(run, place, read.version());
            return views.show(branch.get().whole(run, place.value(), name), place.steps());
        }
        String value = wires.read(run, place, read.version());
        sitesOf.putIfAbsent(value, read.site());
        String whole = show(value, place);
        return rows.take(lens.map(each -> each.narrow(whole, site(read.site()))).orElse(whole), run);
    }

    private SiteInfo site(String name) {
        return target.wiring().manifest().site(name);
    }

    private String show(String value, Place place) {
        return shown.computeIfAbsent(new Shown(value, place.steps()), unused -> views.show(value, place.steps()));
    }

    private void write(Rewrite rewrite, String before, String to) {
        if (branch.isPresent()) {
            branch.get().write(rewrite, before, to, this::fitted);
            return;
        }
        Place place = rewrite.place();
        sitesOf.put(to, rewrite.edits().get(0).site());
        Map<Integer, String> changed = new HashMap<>();
        rewrite.edits().forEach(edit -> changed.put(edit.run(), changed(edit, before)));
        boolean all = share.batch().isSingle();
        String value = rows.replace(all ? before : show(before, place), changed);
        String whole = place.steps().isEmpty() ? value : views.hide(value, before, place.steps());
        emitter.node("Identity", List.of(whole), to);
    }

    private String changed(Edit edit, String before) {
        if (lens.isEmpty()) {
            return fitted(edit, () -> rows.take(show(before, edit.place()), edit.run()));
        }
        String whole = show(before, edit.place());
        return edit.version() == Stepping.RESTORE
                ? lens.get().restore(whole, edit.value(), site(edit.site()))
                : lens.get()
                        .widen(
                                whole,
                                fitted(edit, () -> rows.take(shownPart(edit, before), edit.run())),
                                site(edit.site()));
    }

    /** Returns the written value in the full shape of its site. */
    private String fitted(Edit edit, Supplier<String> before) {
        ValueType site =
                new ShapeRules(target.wiring().manifest()).read(share.batch().input(edit.run()), edit.site());
        ValueType value = types.get(edit.value());
        String name = name(edit.value());
        boolean leaves = share.stepping()
                .filter(each -> each.later() && each.leaving().isPresent())
                .isPresent();
        boolean known = site.dims().stream().noneMatch(dim -> dim.size() == Dim.UNKNOWN);
        if (java.util.Arrays.equals(site.shape(), value.shape()) && known) {
            return name;
        }
        String shape = known && !leaves
                ? emitter.list(site.dims().stream().map(Dim::size).toList())
                : emitter.node("Shape", List.of(before.get()));
        return emitter.node("Expand", List.of(name, shape));
    }

    private String shownPart(Edit edit, String before) {
        String whole = show(before, edit.place());
        return lens.map(each -> each.narrow(whole, site(edit.site()))).orElse(whole);
    }
}
