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
            String value = graph.op(i).equals("Gather") ? floats(graph.output(i)) : "";
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
                                    name,
                                    "Residual",
                                    axes.of(shape, "d_model"),
                                    points.leaving(value, reader(value, node))));
                }
            }
        }
        sites.absent("W_E", "no table of floats is read at the token ids");
        sites.absent("W_pos", "no table of floats is read at the positions");
        sites.absent("embed", "no table is read at the token ids");
        sites.absent("pos_embed", "no table is read at the positions");
    }

    /** What a quantised table gives is made floats behind it. */
    private String floats(String value) {
        List<Integer> readers = graph.consumers(value);
        boolean quantised = readers.size() == 1 && graph.op(readers.get(0)).equals("DequantizeLinear");
        return quantised ? graph.output(readers.get(0)) : value;
    }

    private int reader(String value, int node) {
        List<Integer> readers = graph.consumers(value);
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
