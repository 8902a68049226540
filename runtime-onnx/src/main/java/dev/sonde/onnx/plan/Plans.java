package dev.sonde.onnx.plan;

import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.spi.Cost;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Plans graphs, and remembers how: graphs that differ in nothing but the numbers of their tensors are planned once. The least
 * recently used are forgotten. Safe for many threads.
 */
public final class Plans {
    private static final int MOST = 256;
    private static final int MOST_NODES = 1 << 18;

    private final Target target;
    private final Planning planning;
    private final Map<Shape, Planned> kept = new LinkedHashMap<>(16, 0.75f, true);
    private int nodes;

    /** Everything about a graph but the numbers of its tensors. */
    private record Shape(
            String model, List<RunInput> runs, List<?> nodes, List<Effect> effects, Map<String, Integer> saves) {
        static Shape of(InterventionGraph graph) {
            List<Object> nodes =
                    graph.nodes().stream().map(Shape::withoutNumbers).toList();
            return new Shape(graph.model(), graph.runs(), nodes, graph.effects(), graph.saves());
        }

        /** Whole numbers stay: they may be indices or shapes. */
        private static Object withoutNumbers(Node node) {
            return node instanceof Node.Constant constant
                            && constant.value().dtype().isFloat()
                    ? new Hole(constant.value().dtype(), constant.value().names(), sizes(constant.value()))
                    : node;
        }
    }

    private static List<Long> sizes(Tensor tensor) {
        return Arrays.stream(tensor.shape()).boxed().toList();
    }

    /** The place of a tensor. */
    private record Hole(DType dtype, List<String> names, List<Long> sizes) {}

    /** Returns a planner for a model. */
    public Plans(Target target, Planning planning) {
        this.target = target;
        this.planning = planning;
    }

    /**
     * Checks and plans a graph.
     *
     * @param check looks at the price before anything is planned
     * @throws dev.sonde.SondeException if it does not fit the model
     */
    public Plan of(InterventionGraph graph, Consumer<Cost> check) {
        Shape shape = Shape.of(graph);
        Planned known;
        synchronized (kept) {
            known = kept.get(shape);
        }
        if (known != null) {
            check.accept(known.cost());
            return new Plan(target, graph, known);
        }
        Planned planned = Planned.of(target.of(graph), graph, planning, check);
        keep(shape, planned);
        return new Plan(target, graph, planned);
    }

    private void keep(Shape shape, Planned planned) {
        synchronized (kept) {
            if (kept.put(shape, planned) == null) {
                nodes += shape.nodes().size();
            }
            var oldest = kept.keySet().iterator();
            while (kept.size() > 1 && (kept.size() > MOST || nodes > MOST_NODES)) {
                nodes -= oldest.next().nodes().size();
                oldest.remove();
            }
        }
    }
}
