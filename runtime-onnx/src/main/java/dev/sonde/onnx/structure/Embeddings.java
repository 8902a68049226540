package dev.sonde.onnx.structure;

import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Finds the tables that token ids and positions are looked up in. */
final class Embeddings {
    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Points points;
    private final Axes axes;
    private final SiteList sites;
    private final Weights weights;

    Embeddings(Graph graph, Shapes shapes, DataPath data, Points points, Axes axes, SiteList sites, Weights weights) {
        this.weights = weights;
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.points = points;
        this.axes = axes;
        this.sites = sites;
    }

    void write(List<ModelInput> inputs) {
        Map<String, Role> roles = new HashMap<>();
        inputs.forEach(each -> roles.put(each.name(), each.role()));
        for (int i = 0; i < graph.size(); i++) {
            String value = graph.op(i).equals("Gather") ? graph.output(i) : "";
            if (shapes.rank(value) == 3 && shapes.isTensor(value) && graph.isConstant(graph.input(i, 0))) {
                Role role = roles.getOrDefault(source(graph.input(i, 1)), Role.OTHER);
                String name = role == Role.TOKENS ? "embed" : role == Role.TOKEN_TYPES ? "" : "pos_embed";
                if (!name.isEmpty() && (role == Role.TOKENS || !data.has(value))) {
                    int node = i;
                    boolean tokens = role == Role.TOKENS;
                    weights.weight(
                            tokens ? "W_E" : "W_pos",
                            graph.input(i, 0),
                            View.IDENTITY,
                            tokens ? "vocab" : "",
                            "d_model");
                    shapes.find(value)
                            .ifPresent(shape -> sites.add(
                                    name, "Residual", axes.of(shape, "d_model"), points.leaving(value, reader(node))));
                }
            }
        }
        sites.absent("embed", "no table is read at the token ids");
        sites.absent("pos_embed", "no table is read at the positions");
    }

    private int reader(int node) {
        List<Integer> readers = graph.consumers(graph.output(node));
        return readers.isEmpty() ? node : readers.get(readers.size() - 1);
    }

    private String source(String value) {
        String at = value;
        for (int producer = graph.producer(at); producer != Graph.NONE; producer = graph.producer(at)) {
            if (!data.isView(producer)) {
                return "";
            }
            at = graph.input(producer, 0);
        }
        return at;
    }
}
