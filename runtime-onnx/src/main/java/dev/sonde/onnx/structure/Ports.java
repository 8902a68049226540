package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** Finds which values cross the boundary of a module. */
final class Ports {
    private static final Set<String> CHOICES = Set.of("TopK", "ArgMax");

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Modules modules;
    private final Map<List<String>, ModuleIo> known = new ConcurrentHashMap<>();

    Ports(Graph graph, Shapes shapes, DataPath data, Modules modules) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.modules = modules;
    }

    ModuleIo of(Instance module) {
        return known.computeIfAbsent(module.key(), unused -> compute(module));
    }

    private ModuleIo compute(Instance module) {
        Set<String> entering = new LinkedHashSet<>();
        Set<String> read = new LinkedHashSet<>();
        Set<String> leaving = new LinkedHashSet<>();
        module.nodes().stream().forEach(node -> {
            for (String value : graph.uses(node)) {
                if (!graph.isConstant(value) && !module.has(graph.producer(value))) {
                    entering.add(value);
                    if (!data.readsSizesOnly(node)) {
                        read.add(value);
                    }
                }
            }
            graph.nodes.get(node).getOutputList().stream()
                    .filter(value -> leaves(value, module))
                    .forEach(leaving::add);
        });
        return new ModuleIo(main(read, module), List.copyOf(entering), outputs(leaving, module));
    }

    private boolean leaves(String value, Instance module) {
        return graph.isOutput(value)
                || graph.consumers(value).stream().anyMatch(each -> !module.has(each) && !data.readsSizesOnly(each));
    }

    /**
     * Whether a module hands on which elements it chose, as routers do beside how much each counts: what else it returns, and in
     * which order, the file does not show.
     */
    boolean returnsChoices(Instance module) {
        return module.nodes().stream()
                .filter(node -> CHOICES.contains(graph.op(node)))
                .mapToObj(node -> graph.nodes.get(node).getOutputList())
                .flatMap(List::stream)
                .anyMatch(value -> !shapes.isFloat(value) && leaves(value, module));
    }

    private Optional<String> main(Set<String> read, Instance module) {
        Predicate<String> tensor = shapes::isTensor;
        Predicate<String> ids = value -> shapes.rank(value) >= 2 && looksUp(value, module);
        List<String> onPath =
                read.stream().filter(data::has).filter(tensor.or(ids)).toList();
        return onPath.stream()
                .filter(value -> !isGate(value, module))
                .findFirst()
                .or(() -> onPath.stream().findFirst())
                .or(() -> read.stream().filter(tensor).findFirst())
                .or(() -> read.stream().filter(ids).findFirst());
    }

    /** Whether all that the module does with a value is to bend it and to multiply by that: it opens for another one. */
    private boolean isGate(String value, Instance module) {
        boolean bent = false;
        for (int reader : graph.consumers(value)) {
            if (module.has(reader) && Mlp.CURVES.contains(graph.op(reader))) {
                bent = true;
            } else if (module.has(reader) && !graph.op(reader).equals("Mul")) {
                return false;
            }
        }
        return bent;
    }

    /** Whether whole numbers that enter are ids: rows of a table are looked up by them. */
    private boolean looksUp(String value, Instance module) {
        for (int reader : graph.consumers(value)) {
            boolean gathers = graph.op(reader).equals("Gather") && graph.isConstant(graph.input(reader, 0));
            if (module.has(reader) && (gathers || (data.isView(reader) && looksUp(graph.output(reader), module)))) {
                return true;
            }
        }
        return false;
    }

    /** Whether a value is only what exporters let the calls of a module share, such as a rotary table's positions. */
    private boolean isShared(String value, Instance module) {
        return !data.has(value)
                && !graph.isOutput(value)
                && graph.consumers(value).stream()
                        .filter(reader -> !module.has(reader))
                        .allMatch(reader -> modules.around(reader).stream()
                                .anyMatch(each -> each.path().equals(module.path())));
    }

    private List<String> outputs(Set<String> leaving, Instance module) {
        List<String> floats = leaving.stream()
                .filter(value -> shapes.isFloat(value) && !isShared(value, module))
                .toList();
        List<String> onPath = floats.stream().filter(data::has).toList();
        List<String> candidates = onPath.isEmpty() ? floats : onPath;
        List<String> passedOn = candidates.stream()
                .filter(value -> graph.consumers(value).stream()
                        .anyMatch(each -> !module.has(each) && !data.readsSizesOnly(each)))
                .toList();
        List<String> ordered = new ArrayList<>(passedOn);
        // a cache is not what a module returns, and weights asked for as model outputs come after the result
        candidates.stream()
                .filter(value -> !ordered.contains(value))
                .filter(value -> passedOn.isEmpty() || !value.startsWith("present"))
                .forEach(ordered::add);
        return ordered;
    }
}
