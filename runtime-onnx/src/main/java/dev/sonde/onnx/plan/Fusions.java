package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.onnx.file.Uses;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The fused operators of a model under one splice: those of which nothing inside is read, written or stopped at run as the
 * file has them, with the splice's redirects.
 */
final class Fusions {
    private final ModelGraph graph;
    private final Splice splice;
    private final List<NodeProto> closed = new ArrayList<>();
    private final Map<String, Integer> makers = new HashMap<>();
    private final List<FusedOperator> open = new ArrayList<>();
    /** What new nodes make, some of it in place of the model's. */
    private final Set<String> made = new HashSet<>();

    Fusions(ModelGraph graph, Splice splice) {
        this.graph = graph;
        this.splice = splice;
        if (splice.onModel() && !graph.fused().isEmpty()) {
            Set<String> read = new HashSet<>(splice.outputs());
            splice.nodes().forEach(node -> {
                read.addAll(Uses.of(node));
                made.addAll(node.getOutputList());
            });
            Map<Integer, Map<String, String>> redirects = new HashMap<>();
            splice.redirects()
                    .forEach((use, to) -> redirects
                            .computeIfAbsent(use.node(), unused -> new HashMap<>())
                            .put(use.value(), to));
            graph.fused().forEach(each -> sort(each, read, redirects));
        }
    }

    private void sort(FusedOperator operator, Set<String> read, Map<Integer, Map<String, String>> redirects) {
        Map<String, String> inputs = new HashMap<>();
        if (isTouched(operator, read) || !redirected(operator, redirects, inputs)) {
            open.add(operator);
            return;
        }
        NodeProto node = Renaming.inputs(operator.fusion().fused(), value -> inputs.getOrDefault(value, value));
        node.getOutputList().stream()
                .filter(output -> !output.isEmpty())
                .forEach(output -> makers.put(output, closed.size()));
        closed.add(node);
    }

    private boolean isTouched(FusedOperator operator, Set<String> read) {
        return operator.inside().stream().anyMatch(read::contains)
                || operator.fusion().fused().getOutputList().stream().anyMatch(made::contains)
                || splice.forbidden().stream().anyMatch(operator.nodes()::get);
    }

    /** Collects what the operator reads instead of its inputs; returns whether the whole of it reads the same. */
    private boolean redirected(
            FusedOperator operator, Map<Integer, Map<String, String>> redirects, Map<String, String> inputs) {
        for (int node = operator.nodes().nextSetBit(0);
                node >= 0;
                node = operator.nodes().nextSetBit(node + 1)) {
            Map<String, String> own = redirects.getOrDefault(node, Map.of());
            for (String value : graph.uses(node)) {
                String to = own.getOrDefault(value, value);
                if (operator.makes(value)
                        ? !to.equals(value)
                        : !inputs.computeIfAbsent(value, unused -> to).equals(to)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Returns the number of the fused operator that makes a value, or -1. */
    int maker(String value) {
        return makers.getOrDefault(value, -1);
    }

    /** Returns a fused operator as it runs. */
    NodeProto node(int number) {
        return closed.get(number);
    }

    /** Returns what was written out of the operators that are part of a program, for people. */
    List<String> unfused(Set<Integer> nodes) {
        return open.stream()
                .filter(each -> each.nodes().stream().anyMatch(nodes::contains))
                .map(each -> each.fusion().label())
                .toList();
    }
}
