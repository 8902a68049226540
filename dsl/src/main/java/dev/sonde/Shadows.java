package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Second runs for functions in Java. ONNX Runtime cannot stop in the middle of a run to ask Java for a value, so what such a
 * function is given is computed in a run of its own, which has all edits of the first but those that depend on the function.
 */
final class Shadows {
    /** A second run; what was recorded up to {@code since} cannot depend on its function. */
    private record Shadow(int run, int of, int since) {}

    private final List<Shadow> shadows = new ArrayList<>();

    /** Returns the copy of a value that is computed in second runs of the runs that it depends on. */
    int of(int id, Recorder recorder, List<Node> nodes, List<RunInput> runs) {
        List<Integer> cone = new ArrayList<>();
        BitSet seen = new BitSet();
        seen.set(id);
        for (int i = id; i >= 0; i--) {
            if (seen.get(i)) {
                cone.add(0, i);
                nodes.get(i).inputs().forEach(seen::set);
            }
        }
        Map<Integer, Integer> copies = new HashMap<>();
        Map<Integer, Integer> second = new HashMap<>();
        for (int i : cone) {
            Node copy =
                    copy(nodes.get(i), copies, run -> second.computeIfAbsent(run, of -> recorder.run(runs.get(of))));
            copies.put(i, copy.equals(nodes.get(i)) ? i : recorder.add(copy));
        }
        int copy = copies.getOrDefault(id, id);
        second.forEach((of, run) -> shadows.add(new Shadow(run, of, copy)));
        return copy;
    }

    private static Node copy(Node node, Map<Integer, Integer> ids, java.util.function.IntUnaryOperator run) {
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
        List<Integer> inputs = node.inputs().stream().map(each -> id(ids, each)).toList();
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
        return node; // constants, and functions, whose inputs have second runs already
    }

    private static int id(Map<Integer, Integer> ids, int id) {
        return ids.getOrDefault(id, id);
    }

    /** Returns the effects of all runs, those of second runs among them. */
    List<Effect> effects(List<Node> nodes, List<Effect> recorded) {
        List<Effect> all = new ArrayList<>(recorded);
        for (Shadow shadow : shadows) {
            BitSet dependent = dependents(nodes, shadow);
            for (Effect effect : List.copyOf(all)) {
                // a gradient belongs to values of the first run, which the second one does not have
                boolean copied = !(effect instanceof Effect.GradientWrite);
                if (copied && effect.run() == shadow.of() && effect.inputs().stream().noneMatch(dependent::get)) {
                    all.add(to(shadow.run(), effect));
                }
            }
        }
        return all;
    }

    private static BitSet dependents(List<Node> nodes, Shadow shadow) {
        BitSet dependent = new BitSet();
        for (int i = shadow.since() + 1; i < nodes.size(); i++) {
            Node node = nodes.get(i);
            boolean itself = node instanceof Node.Local local && local.input() == shadow.since();
            dependent.set(i, itself || node.inputs().stream().anyMatch(dependent::get));
        }
        return dependent;
    }

    private static Effect to(int run, Effect effect) {
        if (effect instanceof Effect.Write write) {
            return new Effect.Write(run, write.site(), write.value(), write.version());
        }
        if (effect instanceof Effect.Skip skip) {
            return new Effect.Skip(run, skip.module(), skip.values());
        }
        return new Effect.Stop(run, ((Effect.Stop) effect).site());
    }
}
