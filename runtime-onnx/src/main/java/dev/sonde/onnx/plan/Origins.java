package dev.sonde.onnx.plan;

import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What values are computed from as far as gradients pass: through other values, and through edits of runs. */
final class Origins {
    private final View view;
    private final BitSet nodes = new BitSet();
    private final BitSet runs = new BitSet();
    private final Map<Integer, Integer> inside = new HashMap<>();

    /** An experiment. */
    interface View {
        Node node(int id);

        /** Returns the run that a value is computed in, as {@link Dependencies} says it. */
        int owner(int id);

        /** Returns the run that is computed in the place of an equal one. */
        int computed(int run);

        /** Returns the values that a run's edits use. */
        List<Integer> written(int run);
    }

    Origins(View view, List<Integer> values) {
        this.view = view;
        collect(values);
        runs.stream().forEach(this::findInside);
    }

    private void collect(List<Integer> values) {
        Deque<Integer> open = new ArrayDeque<>(values);
        while (!open.isEmpty()) {
            int id = open.pop();
            if (nodes.get(id)) {
                continue;
            }
            nodes.set(id);
            Node node = view.node(id);
            sources(node).forEach(open::push);
            int run = run(node);
            if (run >= 0 && !runs.get(run)) {
                runs.set(run);
                view.written(run).forEach(open::push);
            }
        }
    }

    private int run(Node node) {
        if (node instanceof Node.Read read) {
            return view.computed(read.run());
        }
        return node instanceof Node.Call call ? view.computed(call.run()) : -1;
    }

    /** Returns the values from which a gradient may come to a value: not what it only has the shape of. */
    static List<Integer> sources(Node node) {
        boolean ends = Dependencies.isMadeInJava(node)
                || (node instanceof Node.Apply apply && apply.operator() == Operator.STOP_GRADIENT);
        if (ends) {
            return List.of();
        }
        List<Integer> inputs = node.inputs();
        return node instanceof Node.Gradient ? inputs.subList(0, inputs.size() - 1) : inputs;
    }

    /** What edits make of values of their own run and of others is computed in that run. */
    private void findInside(int run) {
        Map<Integer, Boolean> own = new HashMap<>();
        Deque<Integer> open = new ArrayDeque<>(view.written(run));
        for (int id = nodes.nextSetBit(0); id >= 0; id = nodes.nextSetBit(id + 1)) {
            if (view.owner(id) == run
                    && (view.node(id) instanceof Node.Call || view.node(id) instanceof Node.Gradient)) {
                view.node(id).inputs().forEach(open::push);
            }
        }
        while (!open.isEmpty()) {
            int id = open.peek();
            List<Integer> inputs = view.owner(id) == Dependencies.MIXED ? sources(view.node(id)) : List.of();
            if (own.containsKey(id)) {
                open.pop();
            } else if (inputs.stream().allMatch(own::containsKey)) {
                boolean depends = view.owner(id) == run || inputs.stream().anyMatch(own::get);
                own.put(id, depends);
                open.pop();
                if (depends && view.owner(id) == Dependencies.MIXED) {
                    inside.put(id, run);
                }
            } else {
                inputs.stream().filter(input -> !own.containsKey(input)).forEach(open::push);
            }
        }
    }

    BitSet nodes() {
        return nodes;
    }

    BitSet runs() {
        return runs;
    }

    /** Returns the run that a value is computed in: {@link Dependencies#MIXED} if in none, {@link Dependencies#CONSTANT} if in any. */
    int owner(int id) {
        return inside.getOrDefault(id, view.owner(id));
    }
}
