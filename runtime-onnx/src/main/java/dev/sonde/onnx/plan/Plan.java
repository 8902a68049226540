package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Prepared;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A graph and the programs that it becomes. */
public final class Plan implements Prepared {
    private final Target target;
    private final InterventionGraph graph;
    private final List<ValueType> types;
    private final List<Program> programs;
    private final List<String> notes;
    private final Cost cost;
    private final Map<Integer, List<String>> savedAs = new HashMap<>();

    private Plan(Target target, InterventionGraph graph, List<ValueType> types, Planner.Planned planned, Cost cost) {
        this.target = target;
        this.graph = graph;
        this.types = types;
        this.programs = planned.programs();
        this.notes = planned.notes();
        this.cost = cost;
        graph.saves()
                .forEach((name, id) ->
                        savedAs.computeIfAbsent(id, unused -> new ArrayList<>()).add(name));
    }

    /**
     * Checks and plans a graph.
     *
     * @throws dev.sonde.SondeException if it does not fit the model
     */
    public static Plan of(Target target, InterventionGraph graph, Planning planning) {
        List<ValueType> types = new ShapeRules(target.wiring().manifest()).types(graph);
        ModelManifest manifest = target.wiring().manifest();
        return new Plan(
                target, graph, types, Planner.plan(target, graph, types, planning), cost(manifest, graph, types));
    }

    /** Returns the price of a graph. */
    public static Cost cost(ModelManifest manifest, InterventionGraph graph) {
        return cost(manifest, graph, new ShapeRules(manifest).types(graph));
    }

    private static Cost cost(ModelManifest manifest, InterventionGraph graph, List<ValueType> types) {
        long rows = 0;
        long tokens = 0;
        ShapeRules rules = new ShapeRules(manifest);
        for (RunInput run : graph.runs()) {
            Map<String, Long> sizes = rules.sizes(run);
            long batch = sizes.getOrDefault("batch", 1L);
            rows += batch;
            tokens += batch * sizes.getOrDefault("position", 1L);
        }
        long bytes = 0;
        for (int id : graph.saves().values()) {
            bytes += types.get(id).bytes();
        }
        return new Cost(rows, tokens, bytes);
    }

    @Override
    public InterventionGraph graph() {
        return graph;
    }

    /** Returns whether it was planned for that model. */
    public boolean isFor(Target model) {
        return target == model;
    }

    /** Returns the types of the graph's values. */
    public List<ValueType> types() {
        return types;
    }

    /** Returns the programs in the order in which they run. */
    public List<Program> programs() {
        return programs;
    }

    /** Returns the fused operators that some program has written out, such as {@code FastGelu at 'FastGelu_0'}. */
    public Set<String> unfused() {
        return programs.stream()
                .flatMap(program -> program.assembly().unfused().stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** Returns, for people, what was reused and why something was not. */
    public List<String> notes() {
        return notes;
    }

    /** Returns the names under which a value is saved. */
    public List<String> savedAs(int id) {
        return savedAs.getOrDefault(id, List.of());
    }

    @Override
    public Cost cost() {
        return cost;
    }

    @Override
    public String structureKey() {
        int key = programs.stream().map(Program::splice).toList().hashCode();
        return Integer.toHexString(key);
    }
}
