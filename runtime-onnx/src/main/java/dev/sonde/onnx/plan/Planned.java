package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Cost;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What a plan says of every graph that differs in the numbers of its tensors only.
 *
 * @param lowered the experiment that the programs compute
 * @param cost the price
 * @param programs in the order in which they run
 * @param notes what was reused and why something was not, for people
 */
record Planned(Lowered lowered, Cost cost, List<Program> programs, List<String> notes) {
    Planned {
        programs = List.copyOf(programs);
        notes = List.copyOf(notes);
    }

    static Planned of(Target target, InterventionGraph graph, Planning planning, Consumer<Cost> check) {
        ModelManifest manifest = target.wiring().manifest();
        List<ValueType> types = new ShapeRules(manifest).types(graph);
        Cost cost = cost(manifest, graph, types);
        check.accept(cost);
        SkippedModules.check(target, graph);
        Planner.Result result = Planner.plan(target, graph, types, planning);
        return new Planned(result.lowered(), cost, result.programs(), result.notes());
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
}
