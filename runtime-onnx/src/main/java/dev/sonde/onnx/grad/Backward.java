package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One backward pass: the gradients of a weighted sum of values, of only those nodes that lie between what is asked for. */
public final class Backward {
    private final Circuit circuit;
    private final Ops ops;
    private final Set<String> wanted;
    private final Edits edits;
    private final Copies copies;
    private final Map<String, List<String>> parts = new HashMap<>();
    private final Map<String, Boolean> leads = new HashMap<>();
    private final List<NodeProto> order = new ArrayList<>();
    private final Set<String> whole = new HashSet<>();
    private final Map<String, String> found = new LinkedHashMap<>();

    /** Changes gradients on their way back. */
    public interface Edits {
        /** No changes. */
        Edits NONE = (value, gradient) -> gradient;

        /** Returns what the gradient of a value becomes before it is handed on. */
        String edit(String value, String gradient);
    }

    private Backward(Circuit circuit, Set<String> wanted, Set<String> checkpoints, Edits edits) {
        this.circuit = circuit;
        this.ops = new Ops(circuit);
        this.wanted = new LinkedHashSet<>(wanted);
        this.edits = edits;
        this.copies = new Copies(circuit, ops, checkpoints, this::leads);
    }

    /**
     * Adds a backward pass to a circuit.
     *
     * @param seeds how much each value weighs, by value: a value of its shape, or {@code ""} for 1 everywhere
     * @param wanted the values to have gradients of
     * @param checkpoints values that are kept for the way back, what lies between them is computed again; if there are none, all
     *     is kept
     * @return the gradients; what nothing depends on has none
     * @throws SondeException {@code not-differentiable} if an operator on the way has no gradient
     */
    public static Map<String, String> of(
            Circuit circuit, Map<String, String> seeds, Set<String> wanted, Set<String> checkpoints, Edits edits) {
        return new Backward(circuit, wanted, checkpoints, edits).run(seeds);
    }

    private Map<String, String> run(Map<String, String> seeds) {
        seeds.keySet().forEach(this::explore);
        seeds.forEach((value, seed) -> {
            if (leads(value)) {
                part(value, seed.isEmpty() ? ops.filled(value, 1) : seed);
            }
        });
        for (int i = order.size() - 1; i >= 0; i--) {
            pass(order.get(i));
        }
        wanted.forEach(this::gradient); // those of inputs and constants
        return found;
    }

    private boolean leads(String value) {
        return leads.getOrDefault(value, false);
    }

    /** Finds which values depend on wanted ones, and an order of the nodes between. */
    private void explore(String from) {
        Deque<String> open = new ArrayDeque<>(List.of(from));
        Set<String> entered = new HashSet<>();
        while (!open.isEmpty()) {
            String value = open.peek();
            Optional<NodeProto> producer = circuit.producer(value);
            List<String> inputs = producer.map(Rules::inputs).orElse(List.of());
            if (leads.containsKey(value)) {
                open.pop();
            } else if (entered.add(value)) {
                inputs.stream().filter(input -> !leads.containsKey(input)).forEach(open::push);
            } else {
                open.pop();
                producer.ifPresent(node -> settle(node, inputs));
                leads.computeIfAbsent(value, wanted::contains);
            }
        }
    }

    private void settle(NodeProto node, List<String> inputs) {
        boolean leading = inputs.stream().anyMatch(this::leads);
        if (leading) {
            order.add(node);
        }
        node.getOutputList().forEach(output -> leads.put(output, leading || wanted.contains(output)));
    }

    private void part(String value, String gradient) {
        ops.type(value).filter(type -> type.dtype().isFloat()).ifPresent(type -> ops.know(gradient, type));
        parts.computeIfAbsent(value, unused -> new ArrayList<>()).add(gradient);
    }

    /** Returns the whole gradient of a value; all that use the value must have given their parts. */
    private @Nullable String gradient(String value) {
        List<String> own = parts.get(value);
        if (own == null) {
            return null;
        }
        if (whole.add(value)) {
            String gradient = edits.edit(value, ops.sum(own));
            parts.put(value, List.of(gradient));
            copies.reached(value, gradient);
            if (wanted.contains(value)) {
                found.put(value, gradient);
            }
            return gradient;
        }
        return own.get(0);
    }

    private void pass(NodeProto node) {
        List<@Nullable String> gradients = new ArrayList<>();
        node.getOutputList().forEach(output -> gradients.add(gradient(output)));
        if (gradients.stream().allMatch(java.util.Objects::isNull)) {
            return;
        }
        Visit visit = new Visit(copies.of(node), ops, gradients, name -> leads(copies.original(name)));
        Rules.of(node).orElseThrow(() -> Rules.refusal(node)).pass().of(visit);
        visit.given().forEach((input, gradient) -> {
            if (visit.wants(input)) {
                part(node.getInput(input), gradient);
            }
        });
    }
}
