package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;

/**
 * Second runs for functions in Java. ONNX Runtime cannot stop in the middle of a run to ask Java for a value, so what such a
 * function is given is computed in a run of its own, which has all edits of the first but those that depend on the function.
 */
final class Shadows {
    /** The second runs for one function; what they compute it from is {@code input}. */
    private record Shadow(int input, Map<Integer, Integer> runs) {}

    private final List<Shadow> shadows = new ArrayList<>();

    /** Returns the copy of a value that is computed in second runs of the runs that it depends on. */
    int of(int id, Recorder recorder, List<Node> nodes, List<RunInput> runs) {
        Map<Integer, Integer> second = new HashMap<>();
        IntUnaryOperator run = of -> second.computeIfAbsent(of, unused -> recorder.plainRun(runs.get(of)));
        int copy = copy(id, recorder, nodes, new HashMap<>(), run);
        shadows.add(new Shadow(copy, second));
        return copy;
    }

    /** Copies a value and what it is computed from, as far as other runs make it another. */
    private static int copy(
            int id, Recorder recorder, List<Node> nodes, Map<Integer, Integer> copies, IntUnaryOperator run) {
        BitSet cone = cone(id, nodes);
        for (int i = cone.nextSetBit(0); i >= 0; i = cone.nextSetBit(i + 1)) {
            if (!copies.containsKey(i)) {
                Node copy = copy(nodes.get(i), copies, run);
                copies.put(i, copy.equals(nodes.get(i)) ? i : recorder.add(copy));
            }
        }
        return id(copies, id);
    }

    private static BitSet cone(int id, List<Node> nodes) {
        BitSet cone = new BitSet();
        cone.set(id);
        for (int i = id; i >= 0; i = cone.previousSetBit(i - 1)) {
            nodes.get(i).inputs().forEach(cone::set);
        }
        return cone;
    }

    private static Node copy(Node node, Map<Integer, Integer> ids, IntUnaryOperator run) {
        if (node instanceof Node.Read read) {
            return new Node.Read(run.applyAsInt(read.run()), read.site(), read.version());
        }
        if (node instanceof Node.Call call) {
            return new Node.Call(run.applyAsInt(call.run()), call.module(), id(ids, call.input()));
        }
        if (node instanceof Node.Select select) {
            return new Node.Select(id(ids, select.input()), select.selection());
        }
        if (node instanceof Node.Put put) {
            return new Node.Put(id(ids, put.into()), id(ids, put.value()), put.selection());
        }
        return withInputs(
                node, node.inputs().stream().map(each -> id(ids, each)).toList());
    }

    /** Returns the same of other values; constants stay as they are, and functions, whose inputs have second runs already. */
    static Node withInputs(Node node, List<Integer> inputs) {
        if (node instanceof Node.Apply apply) {
            return new Node.Apply(apply.operator(), inputs, apply.attributes(), apply.texts());
        }
        if (node instanceof Node.Gradient gradient) {
            int of = gradient.of().size();
            int seeds = gradient.seeds().size();
            return new Node.Gradient(
                    inputs.subList(0, of), inputs.subList(of, of + seeds), inputs.get(of + seeds), gradient.version());
        }
        if (node instanceof Node.Onnx onnx) {
            return new Node.Onnx(onnx.domain(), onnx.operator(), inputs, onnx.attributes(), onnx.output(), onnx.type());
        }
        return node;
    }

    private static int id(Map<Integer, Integer> ids, int id) {
        return ids.getOrDefault(id, id);
    }

    /** Returns the effects of all runs, those of second runs among them: all that do not need the function. */
    List<Effect> effects(Recorder recorder, List<Node> nodes, List<Effect> recorded) {
        List<Effect> all = new ArrayList<>(recorded);
        for (Shadow shadow : shadows) {
            Map<Integer, Integer> copies = new HashMap<>();
            IntUnaryOperator run = of -> shadow.runs().getOrDefault(of, of);
            for (Effect effect : List.copyOf(all)) {
                // a gradient belongs to values of the first run, which the second one does not have
                boolean copied = !(effect instanceof Effect.GradientWrite);
                if (copied && shadow.runs().containsKey(effect.run()) && !needs(effect, shadow, nodes)) {
                    List<Integer> values = effect.inputs().stream()
                            .map(value -> copy(value, recorder, nodes, copies, run))
                            .toList();
                    all.add(to(run.applyAsInt(effect.run()), effect, values));
                }
            }
        }
        return all;
    }

    private static boolean needs(Effect effect, Shadow shadow, List<Node> nodes) {
        return effect.inputs().stream()
                .flatMapToInt(value -> cone(value, nodes).stream())
                .anyMatch(id -> nodes.get(id) instanceof Node.Local local && local.input() == shadow.input());
    }

    private static Effect to(int run, Effect effect, List<Integer> values) {
        if (effect instanceof Effect.Write write) {
            return new Effect.Write(run, write.site(), values.get(0), write.version());
        }
        if (effect instanceof Effect.Skip skip) {
            return new Effect.Skip(run, skip.module(), values);
        }
        return new Effect.Stop(run, ((Effect.Stop) effect).site());
    }
}
