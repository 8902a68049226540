package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.onnx.unfuse.Decomposition.Closed;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model in which fused operators are written out.
 *
 * <p>Every value of the file keeps its name; the values inside the operators are new. Whoever runs a part of the model puts a
 * fused operator back where nothing inside it is looked at.
 *
 * @param model the file's graph with the operators written out
 * @param fusions what was written out
 * @param closed names of the fused operators that stayed as they are, with the reasons
 */
public record Unfused(ModelProto model, List<Fusion> fusions, Map<String, String> closed) {
    /** Copies its parts. */
    public Unfused {
        fusions = List.copyOf(fusions);
        closed = Map.copyOf(closed);
    }

    /** Returns a model as it is. */
    public static Unfused nothing(ModelProto model) {
        return new Unfused(model, List.of(), Map.of());
    }

    /**
     * Writes out the fused operators that have something of interest inside.
     *
     * @param known what is known of the model's values
     * @param closed names of operators that are to stay as they are, with the reasons
     */
    public static Unfused of(ModelProto model, Known known, Map<String, String> closed) {
        Table table = Table.inside(known);
        int opset = opset(model);
        Map<String, String> left = new LinkedHashMap<>();
        List<Fusion> fusions = new ArrayList<>();
        GraphProto.Builder graph = model.getGraph().toBuilder().clearNode();
        Set<String> names = names(model.getGraph());
        for (NodeProto node : model.getGraph().getNodeList()) {
            Optional<Fusion> fusion = Optional.empty();
            try {
                fusion = closed.containsKey(node.getName()) ? Optional.empty() : table.write(node, opset, known);
            } catch (Closed reason) {
                left.put(node.getName(), reason.reason());
            }
            fusion = fusion.filter(each -> areNew(each, names));
            if (fusion.isPresent()) {
                graph.addAllNode(fusion.get().nodes())
                        .addAllInitializer(fusion.get().constants());
                fusions.add(fusion.get());
            } else {
                graph.addNode(node);
            }
        }
        left.putAll(closed);
        return new Unfused(model.toBuilder().setGraph(graph).build(), fusions, left);
    }

    /**
     * Writes one node in standard operators only, whatever is of interest in it; nothing if it is none of those known here or
     * is used in a form that is not.
     *
     * @param opset version of the standard operators to write in
     */
    public static Optional<Fusion> plain(NodeProto node, int opset, Known known) {
        try {
            return Table.all(known).write(node, opset, known);
        } catch (Closed unknownForm) {
            return Optional.empty();
        }
    }

    /** Returns this model with these products written head by head. */
    public Unfused byHead(List<HeadProduct> products, Known known) {
        Map<String, Fusion> written = new LinkedHashMap<>();
        products.forEach(each -> written.put(each.node().getName(), each.write(opset(model), known)));
        GraphProto.Builder graph = model.getGraph().toBuilder().clearNode();
        model.getGraph().getNodeList().forEach(node -> graph.addAllNode(nodes(node, written)));
        written.values().forEach(each -> graph.addAllInitializer(each.constants()));
        List<Fusion> all = new ArrayList<>();
        for (Fusion fusion : fusions) {
            // a product that is part of a fused operator is written out with it
            List<NodeProto> inside = fusion.nodes().stream()
                    .flatMap(node -> nodes(node, written).stream())
                    .toList();
            fusion.nodes().forEach(node -> written.remove(node.getName()));
            all.add(new Fusion(fusion.fused(), inside, fusion.constants(), fusion.streams()));
        }
        all.addAll(written.values());
        return new Unfused(model.toBuilder().setGraph(graph).build(), all, closed);
    }

    private static List<NodeProto> nodes(NodeProto node, Map<String, Fusion> written) {
        @Nullable Fusion fusion = written.get(node.getName());
        return fusion == null ? List.of(node) : fusion.nodes();
    }

    /** Returns this model with the constants of another, which stand beside its own. */
    public Unfused withConstants(Unfused other) {
        GraphProto.Builder graph = model.getGraph().toBuilder()
                .clearInitializer()
                .addAllInitializer(other.model.getGraph().getInitializerList());
        return new Unfused(model.toBuilder().setGraph(graph).build(), fusions, closed);
    }

    private static boolean areNew(Fusion fusion, Set<String> names) {
        Set<String> own = new HashSet<>(fusion.fused().getOutputList());
        Set<String> added = new HashSet<>();
        fusion.constants().forEach(each -> added.add(each.getName()));
        fusion.nodes().stream()
                .flatMap(node -> node.getOutputList().stream())
                .filter(value -> !own.contains(value))
                .forEach(added::add);
        boolean areNew = added.stream().noneMatch(names::contains);
        names.addAll(added);
        return areNew;
    }

    private static Set<String> names(GraphProto graph) {
        Set<String> names = new HashSet<>();
        graph.getInitializerList().forEach(each -> names.add(each.getName()));
        graph.getInputList().forEach(each -> names.add(each.getName()));
        graph.getNodeList().forEach(node -> names.addAll(node.getOutputList()));
        return names;
    }

    private static int opset(ModelProto model) {
        return model.getOpsetImportList().stream()
                .filter(each -> each.getDomain().isEmpty() || each.getDomain().equals("ai.onnx"))
                .mapToInt(each -> (int) Math.min(Integer.MAX_VALUE, each.getVersion()))
                .max()
                .orElse(1);
    }
}
