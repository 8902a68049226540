package dev.sonde.onnx.structure;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.onnx.structure.Modules.Instance;
import dev.sonde.onnx.structure.Norms.Norm;
import dev.sonde.onnx.structure.Sums.Addend;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds the residual stream and the MLP of each block. */
final class Blocks {
    private static final Set<String> PASSED =
            Set.of("Reshape", "Cast", "Identity", "Dropout", "QuantizeLinear", "DequantizeLinear");
    private static final List<String> ABSENT = List.of(
            "resid_pre", "resid_post", "resid_mid", "mlp_out", "mlp_pre", "mlp_post", "W_in", "W_gate", "W_out");
    private static final List<String> BIASES = List.of("b_in", "b_out");
    private static final int STEPS = 16;

    private final Graph graph;
    private final Shapes shapes;
    private final Modules modules;
    private final Ports ports;
    private final Points points;
    private final Axes axes;
    private final Escapes escapes;
    private final SiteList sites;
    private final Sums sums;
    private final Norms norms;
    private final Weights weights;
    private final Mlp mlp;

    Blocks(
            Graph graph,
            Shapes shapes,
            DataPath data,
            Modules modules,
            Ports ports,
            Points points,
            Axes axes,
            Escapes escapes,
            SiteList sites,
            Sums sums,
            Norms norms,
            Weights weights) {
        this.graph = graph;
        this.shapes = shapes;
        this.modules = modules;
        this.ports = ports;
        this.points = points;
        this.axes = axes;
        this.escapes = escapes;
        this.sites = sites;
        this.sums = sums;
        this.norms = norms;
        this.weights = weights;
        this.mlp = new Mlp(graph, data, modules, norms);
    }

    /** The residual stream is as wide as what the attention adds to it. */
    void learnWidth(Layer layer) {
        layer.attentions().stream()
                .findFirst()
                .flatMap(each -> sums.behind(each.mix()))
                .flatMap(each -> shapes.find(each.value()))
                .ifPresent(shape -> axes.learnWidth(shape.dim(-1)));
    }

    void write(Layer layer, @Nullable Layer next) {
        layer.block().ifPresent(each -> ends(layer, each));
        @Nullable Addend first = null;
        @Nullable Addend last = null;
        for (int i = 0; i < layer.attentions().size(); i++) {
            Optional<Addend> out = sums.behind(layer.attentions().get(i).mix()).filter(each -> isIn(layer, each.sum()));
            if (out.isPresent()) {
                add(layer.prefix(i) + "attn_out", "Residual", out.get().value(), leaving(out.get()));
                first = i == 0 ? out.get() : first;
                last = out.get();
            }
            missing(layer.prefix(i) + "attn_out", "the graph does not show a sum of stream and attention");
        }
        if (first != null && last != null) {
            streams(layer, next, first, last);
        }
        norms(layer);
        String reason = layer.attentions().isEmpty()
                ? "this block has no attention"
                : "the graph does not show the usual attention and MLP";
        ABSENT.forEach(name -> missing(layer.site(name), reason));
        BIASES.forEach(name -> missing(layer.site(name), "this projection has no bias that could be found"));
    }

    private void missing(String name, String reason) {
        sites.absent(name, reason);
    }

    private static boolean isIn(Layer layer, int node) {
        return layer.block().filter(block -> !block.has(node)).isEmpty();
    }

    private Binding leaving(Addend addend) {
        return points.leaving(addend.value(), addend.sum());
    }

    private void ends(Layer layer, Instance block) {
        ModuleIo io = ports.of(block);
        escapes.input(block).ifPresent(reason -> missing(layer.site("resid_pre"), reason));
        escapes.output(block).ifPresent(reason -> missing(layer.site("resid_post"), reason));
        if (escapes.input(block).isEmpty()) {
            io.input().ifPresent(value -> add(layer.site("resid_pre"), "Residual", value, Points.input(block, value)));
        }
        if (escapes.output(block).isEmpty() && !io.outputs().isEmpty()) {
            String value = io.outputs().get(0);
            add(layer.site("resid_post"), "Residual", value, Points.output(block, value));
        }
    }

    private void add(String name, String kind, String value, Binding binding) {
        shapes.find(value).ifPresent(shape -> {
            List<AxisInfo> named = axes.of(shape, kind.equals("MlpHidden") ? "d_mlp" : "d_model");
            sites.add(name, kind, named, binding);
        });
    }

    /**
     * The stream before, between and behind attention and MLP.
     *
     * @param first what the attention adds
     * @param last what the attention to another stream adds, else the same
     */
    private void streams(Layer layer, @Nullable Layer next, Addend first, Addend last) {
        if (last.sum() != first.sum()) {
            Addend between = sums.other(last);
            add(layer.site("resid_mid"), "Residual", between.value(), leaving(between));
        }
        int sum = layer.block().isPresent() ? lastSum(layer.block().get()) : nextSum(last.sum(), next);
        Optional<Addend> mlpOut = sum == Graph.NONE ? Optional.empty() : mlpOut(layer, first, last, sum);
        if (layer.block().isEmpty()) {
            withoutModule(layer, first, sum);
        }
        mlpOut.ifPresent(out -> {
            add(layer.site("mlp_out"), "Residual", out.value(), leaving(out));
            hidden(layer, out, start(layer));
        });
    }

    private int start(Layer layer) {
        return layer.block()
                .map(block -> block.nodes().nextSetBit(0) - 1)
                .orElse(layer.attentions().get(0).softmax());
    }

    private Optional<Addend> mlpOut(Layer layer, Addend first, Addend last, int sum) {
        String mid = layer.site(last.sum() == first.sum() ? "resid_mid" : "resid_mid_cross");
        Optional<Addend> parallel = beside(last, sum);
        if (parallel.isPresent()) {
            missing(mid, "attention and MLP of this block run side by side");
            return parallel;
        }
        return sums.stream(sum)
                .filter(stream -> sum > last.sum() && sums.dependsOn(stream.value(), last.value()))
                .map(stream -> {
                    add(mid, "Residual", stream.value(), leaving(stream));
                    return sums.other(stream);
                });
    }

    /** In parallel blocks attention, MLP and stream are added in any order. */
    private Optional<Addend> beside(Addend attention, int sum) {
        Addend beside = sums.other(attention);
        if (sum == attention.sum()) {
            int inner = graph.producer(beside.value());
            boolean own =
                    inner != Graph.NONE && sums.isSum(inner) && !sums.dependsOn(attention.value(), graph.output(inner));
            return own ? sums.stream(inner).map(sums::other) : Optional.empty();
        }
        String total = graph.output(attention.sum());
        boolean first = graph.input(sum, 0).equals(total);
        if (!first && !graph.input(sum, 1).equals(total)) {
            return Optional.empty();
        }
        Addend other = new Addend(graph.input(sum, first ? 1 : 0), sum);
        if (sums.dependsOn(other.value(), attention.value())) {
            return Optional.empty();
        }
        return sums.dependsOn(other.value(), beside.value()) ? Optional.of(other) : Optional.of(beside);
    }

    /** Steps back from what the block returns to the sum that ends its stream. */
    private int lastSum(Instance block) {
        List<String> outputs = ports.of(block).outputs();
        String value = outputs.isEmpty() ? "" : outputs.get(0);
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(value);
            if (!block.has(producer)) {
                return Graph.NONE;
            }
            if (sums.isSum(producer)) {
                return producer;
            }
            Optional<Norm> norm = norms.making(value);
            boolean scaled = Set.of("Mul", "Div").contains(graph.op(producer));
            value = norm.isPresent()
                    ? norm.get().input()
                    : PASSED.contains(graph.op(producer))
                            ? graph.input(producer, 0)
                            : scaled && graph.isConstant(graph.input(producer, 1)) ? graph.input(producer, 0) : "";
        }
        return Graph.NONE;
    }

    /** Without modules the block ends with the last sum before the next attention is added. */
    private int nextSum(int after, @Nullable Layer next) {
        Optional<Addend> following = next == null || next.attentions().isEmpty()
                ? Optional.empty()
                : sums.behind(next.attentions().get(0).mix());
        int end = following
                .map(each -> sumBefore(sums.other(each).value()))
                .filter(sum -> sum >= after)
                .orElse(Graph.NONE);
        return end != Graph.NONE || following.isPresent()
                ? end
                : sums.behind(after).map(Addend::sum).orElseGet(() -> firstSum(after));
    }

    /** The sum that a value is a copy of. */
    private int sumBefore(String value) {
        int producer = graph.producer(value);
        for (int step = 0; step < STEPS && PASSED.contains(graph.op(producer)); step++) {
            producer = graph.producer(graph.input(producer, 0));
        }
        return producer != Graph.NONE && sums.isSum(producer) ? producer : Graph.NONE;
    }

    /** The first sum that adds to the stream; the given one where nothing is added any more. */
    private int firstSum(int after) {
        for (int i = after + 1; i < graph.size(); i++) {
            if (sums.isSum(i)) {
                boolean adds = sumBefore(graph.input(i, 0)) == after || sumBefore(graph.input(i, 1)) == after;
                return adds ? i : Graph.NONE;
            }
        }
        return after;
    }

    private void withoutModule(Layer layer, Addend first, int sum) {
        Addend stream = sums.other(first);
        add(layer.site("resid_pre"), "Residual", stream.value(), points.produced(stream.value()));
        if (sum != Graph.NONE) {
            add(layer.site("resid_post"), "Residual", graph.output(sum), points.produced(graph.output(sum)));
        }
    }

    private void hidden(Layer layer, Addend mlpOut, int first) {
        mlp.hidden(mlpOut.value(), first).ifPresent(hidden -> {
            add(layer.site("mlp_post"), "MlpHidden", hidden.value(), points.entering(hidden.value(), hidden.sum()));
            mlp.sources(hidden).ifPresent(found -> {
                add(layer.site("mlp_pre"), "MlpHidden", found.pre().value(), leaving(found.pre()));
                weights.mlp(layer.site(""), found.pre(), found.linear(), mlp.projection(mlpOut.value(), first));
            });
        });
    }

    /** The denominators of the norms in front of attention and MLP. */
    private void norms(Layer layer) {
        scale(layer, "norm_scale", "resid_pre");
        scale(layer, "mlp_norm_scale", "resid_mid");
    }

    private void scale(Layer layer, String name, String stream) {
        @Nullable Binding binding = sites.bindings().get(layer.site(stream));
        Optional<Norm> norm = Optional.ofNullable(binding).flatMap(each -> norms.of(each.value()));
        norm.ifPresent(each -> scale(layer.site(name), each));
        missing(layer.site(name), "no norm reads the stream here");
    }

    /** Writes the denominator of a norm, or why there is none. */
    void scale(String name, Norm norm) {
        if (norm.scale().isEmpty()) {
            missing(
                    name,
                    "computed inside " + graph.op(norm.node()) + " at '"
                            + graph.nodes.get(norm.node()).getName() + "'");
        } else {
            shapes.find(norm.scale())
                    .ifPresent(shape -> sites.add(name, "Any", axes.of(shape), points.produced(norm.scale())));
        }
    }

    /** Gives the block and its attention their usual other names. */
    void alias(Layer layer, Map<String, String> aliases) {
        layer.block().ifPresent(block -> {
            if (block.call() == 0) {
                add(aliases, layer.name(), block.path());
            }
            @Nullable String parent = SiteBook.parent(block.path());
            if (parent != null) {
                add(aliases, layer.name().replaceFirst("\\.\\d+$", ""), parent);
            }
            layer.attentions().stream()
                    .limit(1)
                    .flatMap(attention -> modules.around(attention.softmax()).stream())
                    .filter(each -> each.key().size() == block.key().size() + 1)
                    .forEach(each -> nameAttention(aliases, layer, block, each.path()));
        });
    }

    private void nameAttention(Map<String, String> aliases, Layer layer, Instance block, String path) {
        for (String name : List.of("attn", "self_attn")) {
            add(aliases, block.path() + "." + name, path);
            add(aliases, layer.name() + "." + name, path);
        }
    }

    private void add(Map<String, String> aliases, String name, String path) {
        if (modules.calls(name).isEmpty() && !name.equals(path)) {
            aliases.putIfAbsent(name, path);
        }
    }
}
