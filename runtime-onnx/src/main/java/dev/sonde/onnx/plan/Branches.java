package dev.sonde.onnx.plan;

import dev.sonde.graph.Dim;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ShapeRules;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.onnx.reuse.Forms;
import dev.sonde.onnx.reuse.Reach;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What runs edit and look at: where each leaves its base run, and at which position. */
final class Branches {
    private static final int NEVER = Integer.MAX_VALUE;

    private final Target target;
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final List<List<Node.Read>> reads = new ArrayList<>();
    private final Map<Integer, List<Node>> users = new HashMap<>();
    private final Map<Node.Read, List<Integer>> ids = new HashMap<>();
    private final Set<Integer> whole = new HashSet<>();
    private final Set<Integer> calling = new HashSet<>();

    Branches(Target target, InterventionGraph graph, Dependencies dependencies) {
        this.target = target;
        this.graph = graph;
        this.dependencies = dependencies;
        graph.runs().forEach(run -> reads.add(new ArrayList<>()));
        dependencies.needed().stream().forEach(id -> {
            Node node = graph.nodes().get(id);
            node.inputs()
                    .forEach(input -> users.computeIfAbsent(input, unused -> new ArrayList<>())
                            .add(node));
            if (node instanceof Node.Call) {
                calling.add(dependencies.owner(id));
            }
            if (node instanceof Node.Read read) {
                reads.get(dependencies.owner(id)).add(read);
                ids.computeIfAbsent(read, unused -> new ArrayList<>()).add(id);
            }
        });
        whole.addAll(graph.saves().values());
        graph.effects().forEach(effect -> whole.addAll(effect.inputs()));
    }

    /** Returns why a run must be computed whole, if it must. */
    Optional<String> refusal(int run) {
        RunInput input = graph.runs().get(run);
        if (input instanceof RunInput.Tokens tokens && !tokens.extra().isEmpty()) {
            return Optional.of("it is given more than tokens");
        }
        Map<String, Long> sizes = new ShapeRules(target.wiring().manifest()).sizes(input);
        if (!sizes.containsKey("batch") || !sizes.containsKey("position") || sizes.getOrDefault("past", 0L) > 0) {
            return Optional.of("its input has no positions, or a past");
        }
        if (!dependencies.effects(run).stream().allMatch(Branching::isKnown)) {
            return Optional.of("it stops early");
        }
        if (calling.contains(run)) {
            return Optional.of("it calls a module");
        }
        for (String site : sites(run)) {
            Optional<String> refusal = refusal(run, site);
            if (refusal.isPresent()) {
                return refusal;
            }
        }
        return Optional.empty();
    }

    private Optional<String> refusal(int run, String site) {
        String value = target.place(site).value();
        Forms forms = target.forms();
        if (!forms.has(value)) {
            return Optional.of("site '" + site + "' " + forms.refusal(value).orElse("does not follow the tokens"));
        }
        boolean known = new ShapeRules(target.wiring().manifest())
                .read(graph.runs().get(run), site).dims().stream().noneMatch(dim -> dim.size() == Dim.UNKNOWN);
        return known && target.graph().producer(value) >= 0
                ? Optional.empty()
                : Optional.of("site '" + site + "' has a shape that is not known");
    }

    private List<String> sites(int run) {
        List<String> sites = new ArrayList<>(edits(run).keySet());
        reads.get(run).forEach(read -> sites.add(read.site()));
        return sites;
    }

    /** Returns what a run writes where; nothing where a module is skipped. */
    private Map<String, Optional<Effect.Write>> edits(int run) {
        Map<String, Optional<Effect.Write>> edits = new HashMap<>();
        for (Effect effect : dependencies.effects(run)) {
            if (effect instanceof Effect.Write write) {
                edits.merge(write.site(), Optional.of(write), (a, b) -> Optional.empty());
            } else if (effect instanceof Effect.Skip skip) {
                target.wiring().manifest().module(skip.module()).sites().stream()
                        .filter(site ->
                                site.substring(site.lastIndexOf('#') + 1).startsWith("output"))
                        .forEach(site -> edits.put(site, Optional.empty()));
            }
        }
        return edits;
    }

    List<Place> places(int run) {
        return edits(run).keySet().stream().map(target::place).toList();
    }

    /** Returns the node that makes the first value that a run edits. */
    int start(int run) {
        return places(run).stream()
                .mapToInt(place -> target.graph().producer(place.value()))
                .min()
                .orElseThrow();
    }

    /** Returns whether a run edits or reads what has an axis of keys, or none of positions alone. */
    boolean seesKeys(int run) {
        return sites(run).stream().anyMatch(site -> {
            String value = target.place(site).value();
            return target.forms().of(value).key() >= 0
                    || target.forms().of(value).merged()
                    || target.rowsOf(value) != 1;
        });
    }

    /** Returns the first position that a run's edits change. */
    int first(int run) {
        int first = NEVER;
        for (Map.Entry<String, Optional<Effect.Write>> edit : edits(run).entrySet()) {
            int own = edit.getValue().map(write -> first(write.value(), write)).orElse(0);
            first = Math.min(first, own);
        }
        int positions = new ShapeRules(target.wiring().manifest())
                .sizes(graph.runs().get(run))
                .getOrDefault("position", 1L)
                .intValue();
        return Math.min(first, positions - 1);
    }

    private int first(int id, Effect.Write write) {
        Node node = graph.nodes().get(id);
        if (node instanceof Node.Read read) {
            boolean before = dependencies.computed(read.run()) == dependencies.computed(write.run())
                    && read.version() == write.version()
                    && target.place(read.site()).equals(target.place(write.site()));
            return before ? NEVER : 0;
        }
        if (!(node instanceof Node.Put put)) {
            return 0;
        }
        int axis = positionAxis(write.site());
        int own = put.selection().picks().stream()
                .filter(pick -> pick.axis() == axis)
                .flatMap(pick -> pick.rows().stream())
                .flatMap(List::stream)
                .mapToInt(Long::intValue)
                .min()
                .orElse(0);
        return Math.min(own, first(put.into(), write));
    }

    private int positionAxis(String site) {
        List<AxisInfo> axes = target.wiring().manifest().site(site).axes();
        for (int i = 0; i < axes.size(); i++) {
            if (axes.get(i).size().toString().equals("position")
                    && axes.get(i).name().equals("position")) {
                return i;
            }
        }
        return -1;
    }

    /** Tells what a run looks at, and returns the positions that it looks at where that is not all. */
    List<Integer> look(
            int run, int level, int first, Reach reach, Map<String, Set<Point>> edited, Set<Node.Read> selected) {
        Set<Integer> wanted = new TreeSet<>();
        for (Node.Read read : reads.get(run)) {
            Place place = target.place(read.site());
            boolean raw = seesNoEdit(run, read, place, edited);
            if ((raw ? reach.raw(place.value()) : reach.level(place.value())) <= level) {
                continue; // as in the base run
            }
            Optional<Set<Integer>> positions = positions(read, place, first);
            reach.look(place.value(), positions.isEmpty());
            positions.ifPresent(wanted::addAll);
            positions.ifPresent(unused -> selected.add(read));
        }
        for (Place place : places(run)) {
            if (reach.raw(place.value()) > level && !place.steps().isEmpty()) {
                reach.look(place.value(), true);
            }
        }
        return List.copyOf(wanted);
    }

    /** Whether nothing on the value's wire is edited before a read. */
    private boolean seesNoEdit(int run, Node.Read read, Place place, Map<String, Set<Point>> edited) {
        boolean here = edited.getOrDefault(place.value(), Set.of()).stream().allMatch(place.point()::equals);
        return here
                && dependencies.effects(run).stream()
                        .noneMatch(effect -> effect instanceof Effect.Skip
                                || (effect instanceof Effect.Write write
                                        && write.version() < read.version()
                                        && target.place(write.site()).point().equals(place.point())));
    }

    /** Returns the positions of a value that are looked at, or nothing if all are. */
    private Optional<Set<Integer>> positions(Node.Read read, Place place, int first) {
        int axis = target.forms().of(place.value()).position();
        if (!place.steps().isEmpty() || !target.forms().of(place.value()).isPlain()) {
            return Optional.empty();
        }
        Set<Integer> positions = new TreeSet<>();
        for (int id : ids.getOrDefault(read, List.of())) {
            if (whole.contains(id)) {
                return Optional.empty();
            }
            for (Node user : users.getOrDefault(id, List.of())) {
                if (!(user instanceof Node.Select select) || !Looking.isAt(select.selection(), axis, first)) {
                    return Optional.empty();
                }
                select.selection().picks().stream()
                        .map(Selection.Pick::rows)
                        .forEach(rows -> rows.forEach(row -> row.forEach(index -> positions.add(index.intValue()))));
            }
        }
        return Optional.of(positions);
    }
}
