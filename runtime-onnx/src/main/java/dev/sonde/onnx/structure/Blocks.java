package dev.sonde.onnx.structure;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.onnx.structure.AttentionSites.Heads;
import dev.sonde.onnx.structure.Modules.Instance;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Finds the residual stream and the MLP around each attention. */
final class Blocks {
    private static final Set<String> PASSED = Set.of("Reshape", "Cast", "Identity", "Dropout", "LayerNormalization");
    private static final Set<String> PRODUCTS = Set.of("MatMul", "Gemm", "MatMulNBits", "FusedMatMul");
    private static final Set<String> CURVES = Set.of(
            "Tanh",
            "Erf",
            "Sigmoid",
            "Relu",
            "Gelu",
            "Softplus",
            "QuickGelu",
            "FastGelu",
            "HardSigmoid",
            "Elu",
            "LeakyRelu");
    private static final Set<String> ARITHMETIC = Set.of(
            "Mul", "Add", "Sub", "Div", "Pow", "Sqrt", "Neg", "Exp", "Cast", "Clip", "Where", "Identity", "Dropout");
    private static final int STEPS = 16;

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Modules modules;
    private final Ports ports;
    private final Points points;
    private final Axes axes;
    private final Escapes escapes;
    private final SiteList sites;

    Blocks(
            Graph graph,
            Shapes shapes,
            DataPath data,
            Modules modules,
            Ports ports,
            Points points,
            Axes axes,
            Escapes escapes,
            SiteList sites) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.modules = modules;
        this.ports = ports;
        this.points = points;
        this.axes = axes;
        this.escapes = escapes;
        this.sites = sites;
    }

    /** A value and the node that adds it to another. */
    private record Addend(String value, int sum) {}

    /** The residual stream is as wide as what the attention adds to it. */
    void learnWidth(Optional<Heads> heads) {
        heads.flatMap(each -> added(each.reader()))
                .flatMap(each -> shapes.find(each.value()))
                .filter(shape -> shape.rank() == 3)
                .ifPresent(shape -> axes.learnWidth(shape.dim(2)));
    }

    void write(int layer, Attention attention, Optional<Heads> heads) {
        String prefix = "layers." + layer + "#";
        Optional<Instance> block = block(attention);
        if (block.isEmpty()) {
            missing(prefix, "no module with a number holds the attention", List.of("resid_pre", "resid_post"));
        }
        block.ifPresent(each -> ends(prefix, each));
        Optional<Addend> attentionOut = heads.flatMap(each -> added(each.reader()));
        attentionOut.ifPresent(each -> add(prefix + "attn_out", "Residual", each.value(), leaving(each)));
        block.ifPresent(each -> mlp(prefix, each, attentionOut));
        missing(prefix, "the graph does not show a sum of stream and attention", List.of("attn_out"));
        missing(
                prefix,
                "the graph does not show the usual MLP",
                List.of("resid_mid", "mlp_out", "mlp_pre", "mlp_post"));
    }

    private void missing(String prefix, String reason, List<String> names) {
        names.forEach(name -> sites.absent(prefix + name, reason));
    }

    private Binding leaving(Addend addend) {
        return points.leaving(addend.value(), addend.sum());
    }

    private Optional<Instance> block(Attention attention) {
        List<Instance> around = modules.around(attention.softmax());
        return around.stream()
                .filter(each -> each.path().matches("(.*\\.)?\\d+"))
                .reduce((outer, inner) -> inner);
    }

    private void ends(String prefix, Instance block) {
        ModuleIo io = ports.of(block);
        escapes.input(block).ifPresent(reason -> sites.absent(prefix + "resid_pre", reason));
        escapes.output(block).ifPresent(reason -> sites.absent(prefix + "resid_post", reason));
        if (escapes.input(block).isEmpty()) {
            io.input().ifPresent(value -> add(prefix + "resid_pre", "Residual", value, Points.input(block, value)));
        }
        if (escapes.output(block).isEmpty() && !io.outputs().isEmpty()) {
            String value = io.outputs().get(0);
            add(prefix + "resid_post", "Residual", value, Points.output(block, value));
        }
    }

    private void add(String name, String kind, String value, Binding binding) {
        shapes.find(value).ifPresent(shape -> {
            List<AxisInfo> named = axes.of(shape, kind.equals("MlpHidden") ? "d_mlp" : "d_model");
            sites.add(name, kind, named, binding);
        });
    }

    /** Follows the projection's result to the sum that takes it into the stream. */
    private Optional<Addend> added(int projection) {
        String value = projection == Graph.NONE ? "" : graph.output(projection);
        for (int step = 0; step < STEPS && !value.isEmpty(); step++) {
            String now = value;
            Optional<Integer> sum = readers(now).stream().filter(this::isSum).findFirst();
            if (sum.isPresent()) {
                return Optional.of(new Addend(now, sum.get()));
            }
            value = onwards(now);
        }
        return Optional.empty();
    }

    private List<Integer> readers(String value) {
        return graph.consumers(value).stream()
                .filter(each -> !data.readsSizesOnly(each))
                .toList();
    }

    /** A sum of two values of the stream's form. */
    private boolean isSum(int node) {
        return graph.op(node).equals("Add")
                && shapes.rank(graph.output(node)) >= 2
                && List.of(0, 1).stream().allMatch(side -> {
                    String value = graph.input(node, side);
                    return data.has(value)
                            && !graph.isConstant(value)
                            && shapes.rank(value) == shapes.rank(graph.output(node));
                });
    }

    private String onwards(String value) {
        List<Integer> readers = readers(value);
        if (readers.size() == 1) {
            int reader = readers.get(0);
            boolean bias = graph.op(reader).equals("Add") || graph.op(reader).equals("Mul");
            if (PASSED.contains(graph.op(reader))
                    || PRODUCTS.contains(graph.op(reader))
                    || (bias && hasConstant(reader))) {
                return graph.output(reader);
            }
        }
        // a norm behind the projection: on with what its module returns
        return readers.isEmpty()
                ? ""
                : modules.innermostEntered(graph.producer(value), readers.get(0))
                        .filter(module -> readers.stream().allMatch(module::has))
                        .map(module -> ports.of(module).outputs())
                        .filter(outputs -> outputs.size() == 1)
                        .map(outputs -> outputs.get(0))
                        .orElse("");
    }

    private boolean hasConstant(int node) {
        return graph.isConstant(graph.input(node, 0)) || graph.isConstant(graph.input(node, 1));
    }

    private void mlp(String prefix, Instance block, Optional<Addend> attentionOut) {
        List<String> outputs = ports.of(block).outputs();
        int sum = outputs.isEmpty() ? Graph.NONE : lastSum(outputs.get(0), block);
        if (sum == Graph.NONE || attentionOut.isEmpty()) {
            return;
        }
        Optional<Addend> stream = stream(sum);
        Optional<Addend> mlpOut =
                stream.map(each -> other(each)).flatMap(each -> withoutAttention(each, attentionOut.get()));
        if (mlpOut.isEmpty()) {
            return;
        }
        boolean parallel = !dependsOn(mlpOut.get().value(), attentionOut.get().value());
        if (parallel) {
            sites.absent(prefix + "resid_mid", "attention and MLP of this block run side by side");
        } else {
            stream.ifPresent(each -> add(prefix + "resid_mid", "Residual", each.value(), leaving(each)));
        }
        add(prefix + "mlp_out", "Residual", mlpOut.get().value(), leaving(mlpOut.get()));
        hidden(prefix, mlpOut.get(), block);
    }

    private int lastSum(String output, Instance block) {
        String value = output;
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(value);
            if (!block.has(producer) || isSum(producer)) {
                return block.has(producer) ? producer : Graph.NONE;
            }
            Optional<Instance> norm = modules.around(producer).stream()
                    .reduce((outer, inner) -> inner)
                    .filter(each -> each.nodes().cardinality() < block.nodes().cardinality());
            value = PASSED.contains(graph.op(producer))
                    ? graph.input(producer, 0)
                    : norm.flatMap(each -> ports.of(each).input()).orElse("");
        }
        return Graph.NONE;
    }

    /** Of the two sides of a sum, the one that the other was computed from. */
    private Optional<Addend> stream(int sum) {
        String a = graph.input(sum, 0);
        String b = graph.input(sum, 1);
        if (dependsOn(b, a)) {
            return Optional.of(new Addend(a, sum));
        }
        return dependsOn(a, b) ? Optional.of(new Addend(b, sum)) : Optional.empty();
    }

    private Addend other(Addend addend) {
        boolean first = graph.input(addend.sum(), 0).equals(addend.value());
        return new Addend(graph.input(addend.sum(), first ? 1 : 0), addend.sum());
    }

    /** In parallel blocks attention and MLP are added to each other first. */
    private Optional<Addend> withoutAttention(Addend sum, Addend attentionOut) {
        int producer = graph.producer(sum.value());
        if (sum.value().equals(attentionOut.value())) {
            return Optional.empty();
        }
        return producer == attentionOut.sum()
                ? Optional.of(other(new Addend(attentionOut.value(), producer)))
                : Optional.of(sum);
    }

    private boolean dependsOn(String value, String source) {
        int from = graph.producer(source);
        int to = graph.producer(value);
        if (to == Graph.NONE) {
            return false;
        }
        return from == Graph.NONE
                || (from < to && Reach.upstream(graph, to, from).get(from));
    }

    private void hidden(String prefix, Addend mlpOut, Instance block) {
        int down = projection(mlpOut.value(), block);
        if (down == Graph.NONE) {
            return;
        }
        int reader = down;
        String value = graph.input(down, 0);
        int flatten = graph.producer(value);
        if (graph.op(flatten).equals("Reshape")
                && modules.outermostLeft(flatten, down).isEmpty()) {
            reader = flatten;
            value = graph.input(flatten, 0);
        }
        add(prefix + "mlp_post", "MlpHidden", value, points.entering(value, reader));
        gate(value, reader).ifPresent(gate -> add(prefix + "mlp_pre", "MlpHidden", gate.value(), leaving(gate)));
    }

    private int projection(String output, Instance block) {
        String value = output;
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(value);
            if (!block.has(producer) || PRODUCTS.contains(graph.op(producer))) {
                return block.has(producer) ? producer : Graph.NONE;
            }
            boolean bias =
                    graph.op(producer).equals("Add") || graph.op(producer).equals("Mul");
            if (!PASSED.contains(graph.op(producer)) && !(bias && hasConstant(producer))) {
                value = modules.around(producer).stream()
                        .reduce((outer, inner) -> inner)
                        .flatMap(each -> ports.of(each).input())
                        .orElse("");
            } else {
                value = graph.input(producer, graph.isConstant(graph.input(producer, 0)) ? 1 : 0);
            }
        }
        return Graph.NONE;
    }

    /** Steps back over the activation to the projection whose result it bends. */
    private Optional<Addend> gate(String value, int reader) {
        Map<String, Addend> found = new LinkedHashMap<>();
        Map<String, Addend> bent = new LinkedHashMap<>();
        sources(value, reader, false, STEPS, found, bent);
        Map<String, Addend> chosen = found.size() == 1 ? found : bent;
        return chosen.size() == 1 ? Optional.of(chosen.values().iterator().next()) : Optional.empty();
    }

    private void sources(
            String value, int reader, boolean curved, int steps, Map<String, Addend> found, Map<String, Addend> bent) {
        int producer = graph.producer(value);
        boolean curve = CURVES.contains(graph.op(producer));
        if (!data.has(value) || steps == 0) {
            return;
        }
        if (!curve && (!ARITHMETIC.contains(graph.op(producer)) || isBias(producer))) {
            found.putIfAbsent(value, new Addend(value, reader));
            if (curved) {
                bent.putIfAbsent(value, new Addend(value, reader));
            }
            return;
        }
        if (curve && graph.nodes.get(producer).getInputCount() > 1) {
            return; // its bias lies inside: what it bends has no value
        }
        for (String input : graph.uses(producer)) {
            sources(input, producer, curved || curve, steps - 1, found, bent);
        }
    }

    /** The sum of a product and a constant vector is the end of a projection. */
    private boolean isBias(int node) {
        if (!graph.op(node).equals("Add")) {
            return false;
        }
        int side = graph.isConstant(graph.input(node, 0)) ? 1 : 0;
        return PRODUCTS.contains(graph.op(graph.producer(graph.input(node, side))))
                && RepeatedCalls.isWeight(graph, graph.input(node, 1 - side));
    }

    /** Gives the block and its attention their usual other names. */
    void alias(int layer, Attention attention, Map<String, String> aliases) {
        block(attention).ifPresent(block -> {
            add(aliases, "layers." + layer, block.path());
            @Nullable String parent = SiteBook.parent(block.path());
            if (parent != null) {
                add(aliases, "layers", parent);
            }
            modules.around(attention.softmax()).stream()
                    .filter(each -> each.key().size() == block.key().size() + 1)
                    .forEach(each -> nameAttention(aliases, layer, block, each.path()));
        });
    }

    private void nameAttention(Map<String, String> aliases, int layer, Instance block, String path) {
        for (String name : List.of("attn", "self_attn")) {
            add(aliases, block.path() + "." + name, path);
            add(aliases, "layers." + layer + "." + name, path);
        }
    }

    private void add(Map<String, String> aliases, String name, String path) {
        if (modules.calls(name).isEmpty() && !name.equals(path)) {
            aliases.putIfAbsent(name, path);
        }
    }
}
