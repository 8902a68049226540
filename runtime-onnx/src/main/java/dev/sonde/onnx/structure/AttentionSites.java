package dev.sonde.onnx.structure;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.structure.Attention.Tap;
import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes what lies inside one attention into the list of sites. */
final class AttentionSites {
    private final Graph graph;
    private final Shapes shapes;
    private final Modules modules;
    private final Points points;
    private final SiteList sites;
    private final Weights weights;
    private final HeadResults results;

    AttentionSites(
            Graph graph,
            Shapes shapes,
            Modules modules,
            Points points,
            SiteList sites,
            Weights weights,
            HeadResults results) {
        this.weights = weights;
        this.results = results;
        this.graph = graph;
        this.shapes = shapes;
        this.modules = modules;
        this.points = points;
        this.sites = sites;
    }

    void write(Layer layer) {
        for (int i = 0; i < layer.attentions().size(); i++) {
            Attention attention = layer.attentions().get(i);
            write(layer.prefix(i), attention, mixed(attention));
        }
    }

    private void write(String prefix, Attention attention, Optional<Heads> heads) {
        add(prefix, "scores", "Scores", attention.scores(), "batch", "head", "query", "key");
        add(prefix, "pattern", "Pattern", attention.pattern(), "batch", "head", "query", "key");
        attention.q().ifPresent(q -> add(prefix, "q", "Heads", q, "batch", "head", "position", "d_head"));
        attention
                .k()
                .ifPresent(k -> add(prefix, "k", "Heads", k, "batch", keyHeads(k, attention), "position", "d_head"));
        attention
                .v()
                .ifPresent(v -> add(prefix, "v", "Heads", v, "batch", keyHeads(v, attention), "position", "d_head"));
        heads.ifPresent(z -> sites.add(
                prefix + "z", "Heads", Axes.named(z.dims(), "batch", "position", "head", "d_head"), z.binding()));
        heads.ifPresent(z -> results.add(prefix + "result", z));
        absent(prefix, attention);
        weights.attention(prefix, attention, heads);
    }

    private void absent(String prefix, Attention attention) {
        String reason = "the attention at '"
                + graph.nodes.get(attention.softmax()).getName() + "' does not keep its heads on an axis of their own";
        for (String name : List.of("q", "k", "v", "z", "result")) {
            sites.absent(prefix + name, reason);
        }
    }

    private String keyHeads(Tap keys, Attention attention) {
        Size all = heads(attention.scores());
        return all.equals(heads(keys)) ? "head" : "kv_head";
    }

    private Size heads(Tap tap) {
        return shapes.find(tap.value())
                .map(shape -> tap.view().sizes(shape.dims()).get(1))
                .orElse(Size.UNKNOWN);
    }

    private void add(String prefix, String name, String kind, Tap tap, String... names) {
        shapes.find(tap.value()).ifPresent(shape -> {
            Binding at = Points.seen(points.leaving(tap.value(), tap.reader()), tap.view());
            List<AxisInfo> axes = Axes.named(tap.view().sizes(shape.dims()), names);
            sites.add(prefix + name, kind, axes, at);
        });
    }

    /** Gives the module that holds the softmax ports of the same meaning. */
    void ports(Layer layer) {
        for (int i = 0; i < layer.attentions().size(); i++) {
            List<Instance> around = modules.around(layer.attentions().get(i).softmax());
            if (!around.isEmpty()) {
                ports(around.get(around.size() - 1), layer.prefix(i));
            }
        }
    }

    private void ports(Instance module, String prefix) {
        for (String name : List.of("q", "k", "v", "pattern", "scores")) {
            @Nullable SiteInfo site = sites.sites().get(prefix + name);
            @Nullable Binding binding = sites.bindings().get(prefix + name);
            if (site != null && binding != null) {
                String port = module.path() + "#" + (name.equals("pattern") ? "attn_probs" : name);
                sites.add(
                        port + (module.call() == 0 ? "" : "(" + module.call() + ")"),
                        site.kind(),
                        site.axes(),
                        binding);
            }
        }
    }

    /**
     * The mixed values, before the output projection.
     *
     * @param binding where
     * @param dims sizes of what the site shows
     * @param reader the node that reads the value
     * @param value the value with an axis for the heads
     */
    record Heads(Binding binding, List<Size> dims, int reader, String value) {}

    /** Follows the product with the values to where the projection receives it. */
    Optional<Heads> mixed(Attention attention) {
        String value = graph.output(attention.mix());
        for (int reader = next(value); reader != Graph.NONE; reader = next(value)) {
            value = graph.output(reader);
            if (graph.op(reader).equals("Transpose")) {
                return shapes.rank(value) == 4 ? turned(value) : Optional.empty();
            }
            if (!List.of("Reshape", "Cast", "Identity", "QuantizeLinear", "DequantizeLinear")
                            .contains(graph.op(reader))
                    || shapes.rank(value) != 4) {
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    int next(String value) {
        return graph.consumers(value).stream()
                .filter(each -> !graph.op(each).equals("Shape"))
                .findFirst()
                .orElse(Graph.NONE);
    }

    private Optional<Heads> turned(String value) {
        int reader = next(value);
        Optional<Shape> shape = shapes.find(value);
        if (reader == Graph.NONE || shape.isEmpty()) {
            return Optional.empty();
        }
        String joined = graph.output(reader);
        List<Size> dims = new ArrayList<>(shape.get().dims());
        boolean inside = modules.innermostEntered(graph.producer(value), reader).isEmpty();
        if (graph.op(reader).equals("Reshape") && inside && shapes.rank(joined) == 3) {
            int projection = next(joined);
            View view = View.splitHeads(shape.get().fixed(2), shape.get().fixed(3));
            return Optional.of(
                    new Heads(Points.seen(points.entering(joined, projection), view), dims, projection, value));
        }
        return Optional.of(new Heads(points.entering(value, reader), dims, reader, value));
    }
}
