package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Replaces {@code If} nodes whose condition is constant by the branch that runs. */
final class IfInliner {
    static final String USE_CACHE = "use_cache_branch";

    private final WorkGraph graph;
    private final Set<String> defined;

    private IfInliner(WorkGraph graph) {
        this.graph = graph;
        this.defined = graph.defined();
    }

    /** Returns whether the model is optimum's merged decoder: two decoders behind one {@code If}. */
    static boolean isMerged(WorkGraph graph) {
        return graph.inputs.stream().anyMatch(input -> input.getName().equals(USE_CACHE))
                && graph.nodes.stream()
                        .anyMatch(node -> node.getOpType().equals("If")
                                && ConstantNodes.isStandard(node)
                                && node.getInputList().equals(List.of(USE_CACHE)));
    }

    /** Fixes {@code use_cache_branch} and drops the inputs that only the other decoder reads. */
    static void specialise(WorkGraph graph, boolean withPast) {
        Set<String> usedBefore = graph.used();
        graph.inputs.removeIf(input -> input.getName().equals(USE_CACHE));
        ByteBuffer value = ByteBuffer.wrap(new byte[] {(byte) (withPast ? 1 : 0)});
        graph.weights.put(USE_CACHE, new Weight(USE_CACHE, 9, List.of(1L), new Weight.InMemory(value)));
        inline(graph);
        Set<String> used = graph.used();
        List<String> dropped = new ArrayList<>();
        graph.inputs.removeIf(input -> {
            boolean drop = usedBefore.contains(input.getName()) && !used.contains(input.getName());
            if (drop) {
                dropped.add(input.getName());
            }
            return drop;
        });
        graph.note(
                true,
                "Took the branch " + (withPast ? "with" : "without")
                        + " past of the merged decoder and dropped the input "
                        + USE_CACHE
                        + (dropped.isEmpty()
                                ? "."
                                : " and those of the other branch: " + Problems.list(dropped) + "."));
    }

    /** Inlines until no {@code If} with a constant condition is left; returns whether there was one. */
    static boolean inline(WorkGraph graph) {
        int count = 0;
        boolean found = true;
        while (found) {
            found = false;
            IfInliner inliner = new IfInliner(graph);
            List<NodeProto> nodes = new ArrayList<>();
            for (NodeProto node : graph.nodes) {
                Optional<GraphProto> branch = inliner.branch(node);
                if (branch.isPresent()) {
                    nodes.addAll(inliner.inline(node, branch.get()));
                    found = true;
                    count++;
                } else {
                    nodes.add(node);
                }
            }
            graph.nodes.clear();
            graph.nodes.addAll(nodes);
        }
        graph.note(count > 0, "Replaced " + count + " If nodes with a constant condition by the branch that runs.");
        return count > 0;
    }

    private Optional<GraphProto> branch(NodeProto node) {
        if (!node.getOpType().equals("If") || !ConstantNodes.isStandard(node) || node.getInputCount() != 1) {
            return Optional.empty();
        }
        Weight condition = graph.weights.get(node.getInput(0));
        if (condition == null || condition.type() != 9 || condition.size() != 1) {
            return Optional.empty();
        }
        String wanted = condition.bytes().get(0) != 0 ? "then_branch" : "else_branch";
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(wanted) && attribute.hasG())
                .map(AttributeProto::getG)
                .filter(body -> body.getInputCount() == 0 && body.getOutputCount() == node.getOutputCount())
                .findFirst();
    }

    private List<NodeProto> inline(NodeProto node, GraphProto body) {
        Set<String> made = new HashSet<>();
        body.getNodeList().forEach(inner -> made.addAll(inner.getOutputList()));
        Map<String, String> names = new HashMap<>();
        List<NodeProto> copies = new ArrayList<>();
        Map<String, String> outputs = new HashMap<>();
        for (int i = 0; i < body.getOutputCount(); i++) {
            ValueInfoProto inner = body.getOutput(i);
            String outer = node.getOutput(i);
            if (!outer.isEmpty() && made.contains(inner.getName()) && !names.containsKey(inner.getName())) {
                names.put(inner.getName(), outer);
            } else if (!outer.isEmpty()) {
                outputs.put(outer, inner.getName());
            }
        }
        made.remove("");
        body.getInitializerList().forEach(tensor -> made.add(tensor.getName()));
        for (String name : made) {
            if (!names.containsKey(name) && !defined.add(name)) {
                names.put(name, free(name));
            }
        }
        for (TensorProto tensor : body.getInitializerList()) {
            Weight weight = graph.tensors.read(tensor, names.getOrDefault(tensor.getName(), tensor.getName()));
            graph.weights.put(weight.name(), weight);
        }
        List<NodeProto> nodes = new ArrayList<>();
        body.getNodeList().forEach(inner -> nodes.add(renamed(inner, names)));
        outputs.forEach((outer, inner) -> copies.add(NodeProto.newBuilder()
                .setOpType("Identity")
                .addInput(names.getOrDefault(inner, inner))
                .addOutput(outer)
                .build()));
        nodes.addAll(copies);
        return nodes;
    }

    private String free(String name) {
        for (int n = 2; ; n++) {
            if (defined.add(name + "_" + n)) {
                return name + "_" + n;
            }
        }
    }

    private static NodeProto renamed(NodeProto node, Map<String, String> names) {
        NodeProto.Builder copy = node.toBuilder();
        for (int i = 0; i < node.getInputCount(); i++) {
            copy.setInput(i, names.getOrDefault(node.getInput(i), node.getInput(i)));
        }
        for (int i = 0; i < node.getOutputCount(); i++) {
            copy.setOutput(i, names.getOrDefault(node.getOutput(i), node.getOutput(i)));
        }
        for (int i = 0; i < node.getAttributeCount(); i++) {
            AttributeProto attribute = node.getAttribute(i);
            if (attribute.hasG() || attribute.getGraphsCount() > 0) {
                AttributeProto.Builder changed = attribute.toBuilder();
                if (attribute.hasG()) {
                    changed.setG(renamed(attribute.getG(), names));
                }
                for (int g = 0; g < attribute.getGraphsCount(); g++) {
                    changed.setGraphs(g, renamed(attribute.getGraphs(g), names));
                }
                copy.setAttribute(i, changed);
            }
        }
        return copy.build();
    }

    private static GraphProto renamed(GraphProto body, Map<String, String> outerNames) {
        Map<String, String> names = new HashMap<>(outerNames);
        names.keySet().removeAll(Uses.defined(body)); // what it defines itself hides the outer value
        GraphProto.Builder copy = body.toBuilder();
        for (int i = 0; i < body.getNodeCount(); i++) {
            copy.setNode(i, renamed(body.getNode(i), names));
        }
        for (int i = 0; i < body.getOutputCount(); i++) {
            ValueInfoProto output = body.getOutput(i);
            copy.setOutput(i, output.toBuilder().setName(names.getOrDefault(output.getName(), output.getName())));
        }
        return copy.build();
    }
}
