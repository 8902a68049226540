package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What attentions ask with. An attention's first argument is where its queries come from, also when that is a learned vector
 * which its parent repeats for each row (poolings), and what the model computes only enters as keys and values.
 */
final class Queries {
    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Map<List<String>, String> inputs = new HashMap<>();

    Queries(Graph graph, Shapes shapes, DataPath data, Modules modules, Ports ports, List<Attention> attentions) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        for (Attention attention : attentions) {
            List<Instance> around = modules.around(attention.softmax());
            if (!around.isEmpty() && attention.q().isPresent()) {
                Instance module = around.get(around.size() - 1);
                Set<String> sources = sources(attention.q().get().value(), module);
                if (sources.size() == 1
                        && !sources.equals(
                                Set.copyOf(ports.of(module).input().stream().toList()))) {
                    inputs.put(module.key(), sources.iterator().next());
                }
            }
        }
    }

    /** Returns the value that an attention asks with, if that is not what is computed for it first. */
    Optional<String> input(Instance module) {
        return Optional.ofNullable(inputs.get(module.key()));
    }

    /** Returns the values outside a module that a value inside is computed from. */
    private Set<String> sources(String from, Instance module) {
        Set<String> sources = new LinkedHashSet<>();
        Set<String> seen = new HashSet<>();
        Deque<String> open = new ArrayDeque<>(List.of(from));
        while (!open.isEmpty()) {
            String value = open.pop();
            if (!seen.add(value) || graph.isConstant(value)) {
                continue;
            }
            int producer = graph.producer(value);
            if (!module.has(producer)) {
                if (shapes.isTensor(value)) {
                    sources.add(value);
                }
            } else if (!data.readsSizesOnly(producer)) {
                graph.uses(producer).forEach(open::push);
            }
        }
        return sources;
    }
}
