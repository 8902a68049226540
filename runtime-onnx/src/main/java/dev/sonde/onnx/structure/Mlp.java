package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Sums.Addend;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Finds what lies inside an MLP by going back from what it adds to the stream. */
final class Mlp {
    static final Set<String> PRODUCTS = Set.of("MatMul", "Gemm", "MatMulNBits", "FusedMatMul", "MatMulInteger");
    private static final Set<String> PASSED = Set.of(
            "Reshape", "Cast", "Identity", "Dropout", "Squeeze", "Unsqueeze", "QuantizeLinear", "DequantizeLinear");
    static final Set<String> CURVES = Set.of(
            "Tanh",
            "Erf",
            "Sigmoid",
            "Relu",
            "Gelu",
            "Softplus",
            "QuickGelu",
            "FastGelu",
            "HardSigmoid",
            "Swish",
            "HardSwish",
            "Mish",
            "Elu",
            "LeakyRelu");
    private static final Set<String> ARITHMETIC = Set.of(
            "Mul",
            "Add",
            "Sub",
            "Div",
            "Pow",
            "Sqrt",
            "Neg",
            "Exp",
            "Cast",
            "Clip",
            "Where",
            "Identity",
            "Dropout",
            "QuantizeLinear",
            "DequantizeLinear");
    private static final int STEPS = 16;

    private final Graph graph;
    private final DataPath data;
    private final Modules modules;
    private final Norms norms;

    Mlp(Graph graph, DataPath data, Modules modules, Norms norms) {
        this.graph = graph;
        this.data = data;
        this.modules = modules;
        this.norms = norms;
    }

    /** Returns what the last projection receives, and which node reads it; nothing behind {@code first} in the graph. */
    Optional<Addend> hidden(String output, int first) {
        int down = projection(output, first);
        if (down == Graph.NONE) {
            return Optional.empty();
        }
        int rounding = graph.producer(graph.input(down, 0));
        if (graph.op(rounding).equals("DynamicQuantizeLinear")) {
            return Optional.of(new Addend(graph.input(rounding, 0), rounding));
        }
        String value = graph.input(down, 0);
        int flatten = graph.producer(value);
        boolean inside = graph.op(flatten).equals("Reshape")
                && modules.outermostLeft(flatten, down).isEmpty();
        return Optional.of(inside ? new Addend(graph.input(flatten, 0), flatten) : new Addend(value, down));
    }

    /** Steps back from what an MLP or attention returns to its last product with a weight. */
    int projection(String output, int first) {
        String value = output;
        for (int step = 0; step < STEPS; step++) {
            int producer = graph.producer(value);
            if (producer <= first) {
                return Graph.NONE;
            }
            if (PRODUCTS.contains(graph.op(producer))) {
                return graph.stored(graph.input(producer, 1)).isEmpty() ? Graph.NONE : producer;
            }
            value = before(value, producer);
        }
        return Graph.NONE;
    }

    private String before(String value, int producer) {
        Optional<Norms.Norm> norm = norms.making(value);
        if (norm.isPresent()) {
            return norm.get().input();
        }
        if (PASSED.contains(graph.op(producer))) {
            return graph.input(producer, 0);
        }
        int integers = graph.producer(graph.input(producer, 0));
        if (graph.op(producer).equals("Mul") && isOfIntegers(integers)) {
            return graph.input(producer, 0);
        }
        boolean scaled = Set.of("Add", "Mul", "Div").contains(graph.op(producer));
        for (int side = 0; scaled && side < 2; side++) {
            if (graph.isConstant(graph.input(producer, side))) {
                return graph.input(producer, 1 - side);
            }
        }
        return "";
    }

    /** Whether a node makes floats of a product of whole numbers, which are scaled then. */
    private boolean isOfIntegers(int cast) {
        return graph.op(cast).equals("Cast")
                && graph.op(graph.producer(graph.input(cast, 0))).equals("MatMulInteger");
    }

    /**
     * What makes hidden features.
     *
     * @param pre what the activation receives
     * @param linear what its result is multiplied with, in gated MLPs
     */
    record Sources(Addend pre, Optional<Addend> linear) {}

    /** Steps back over the activation to the projection whose result it bends. */
    Optional<Sources> sources(Addend hidden) {
        Map<String, Addend> found = new LinkedHashMap<>();
        Map<String, Addend> bent = new LinkedHashMap<>();
        sources(hidden.value(), hidden.sum(), false, STEPS, found, bent);
        Map<String, Addend> chosen = found.size() == 1 ? found : bent;
        if (chosen.size() != 1) {
            return Optional.empty();
        }
        Addend pre = chosen.values().iterator().next();
        Optional<Addend> linear = found.size() == 2
                ? found.values().stream()
                        .filter(each -> !each.value().equals(pre.value()))
                        .findFirst()
                : Optional.empty();
        return Optional.of(new Sources(pre, linear));
    }

    private void sources(
            String value, int reader, boolean curved, int steps, Map<String, Addend> found, Map<String, Addend> bent) {
        int producer = graph.producer(value);
        boolean curve = CURVES.contains(graph.op(producer));
        if (!data.has(value) || steps == 0) {
            return;
        }
        boolean integers = graph.op(producer).equals("Mul") && isOfIntegers(graph.producer(graph.input(producer, 0)));
        if (!curve && (!ARITHMETIC.contains(graph.op(producer)) || integers || isBias(producer))) {
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
                && SameWeights.isWeight(graph, graph.input(node, 1 - side));
    }
}
