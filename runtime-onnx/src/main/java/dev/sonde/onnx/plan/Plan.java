package dev.sonde.onnx.plan;

import dev.sonde.graph.Dim;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Prepared;
import java.util.List;
import java.util.Map;

/** A graph and the programs that it becomes. */
public final class Plan implements Prepared {
    private final InterventionGraph graph;
    private final List<ValueType> types;
    private final List<Program> programs;
    private final Cost cost;

    private Plan(InterventionGraph graph, List<ValueType> types, List<Program> programs, Cost cost) {
        this.graph = graph;
        this.types = types;
        this.programs = programs;
        this.cost = cost;
    }

    /**
     * Checks and plans a graph.
     *
     * @throws dev.sonde.SondeException if it does not fit the model
     */
    public static Plan of(Target target, InterventionGraph graph) {
        List<ValueType> types = new ShapeRules(target.wiring().manifest()).types(graph);
        return new Plan(
                graph,
                types,
                Planner.plan(target, graph, types),
                cost(target.wiring().manifest(), graph, types));
    }

    /** Returns the price of a graph whose types are known. */
    public static Cost cost(ModelManifest manifest, InterventionGraph graph, List<ValueType> types) {
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
            bytes += bytes(types.get(id));
        }
        return new Cost(rows, tokens, bytes);
    }

    private static long bytes(ValueType type) {
        long bytes = type.dtype().bytes();
        for (Dim dim : type.dims()) {
            bytes *= Math.max(1, dim.size());
        }
        return bytes;
    }

    @Override
    public InterventionGraph graph() {
        return graph;
    }

    /** Returns the types of the graph's values. */
    public List<ValueType> types() {
        return types;
    }

    /** Returns the programs in the order in which they run. */
    public List<Program> programs() {
        return programs;
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
