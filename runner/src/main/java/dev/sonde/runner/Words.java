package dev.sonde.runner;

import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Which results are tokens: the likeliest ones, and the probabilities that belong to them. */
final class Words {
    private final InterventionGraph graph;
    private final List<ValueType> types;
    private final Map<String, Tensor> results;

    Words(ModelManifest manifest, InterventionGraph graph, Map<String, Tensor> results) {
        this.graph = graph;
        this.types = new ShapeRules(manifest).types(graph);
        this.results = results;
    }

    /** Returns a result's token ids, if it is where values over the vocabulary are largest. */
    Optional<long[]> tokens(String name) {
        return largest(name, Operator.ARG_MAX, "axis")
                .map(values -> results.get(name))
                .map(Tensor::toLongs);
    }

    /** Returns the token ids of a result that says how large those values are, if they are a result too. */
    Optional<long[]> tokensOf(String name) {
        Optional<Integer> values = largest(name, Operator.REDUCE_MAX, "axes");
        Tensor own = results.get(name);
        return results.entrySet().stream()
                .filter(other -> values.isPresent()
                        && own != null
                        && own.count() == other.getValue().count())
                .filter(other ->
                        largest(other.getKey(), Operator.ARG_MAX, "axis").equals(values))
                .map(other -> other.getValue().toLongs())
                .findFirst();
    }

    /** Returns the value over whose vocabulary axis an operator made a result. */
    private Optional<Integer> largest(String name, Operator operator, String attribute) {
        Integer id = graph.saves().get(name);
        if (id == null) {
            return Optional.empty();
        }
        Node node = graph.nodes().get(id);
        while (node instanceof Node.Select select) {
            node = graph.nodes().get(select.input());
        }
        if (!(node instanceof Node.Apply apply) || apply.operator() != operator) {
            return Optional.empty();
        }
        int values = apply.inputs().get(0);
        int vocab = types.get(values).axis("vocab");
        return apply.attributes().getOrDefault(attribute, List.of()).equals(List.of((long) vocab))
                ? Optional.of(values)
                : Optional.empty();
    }
}
