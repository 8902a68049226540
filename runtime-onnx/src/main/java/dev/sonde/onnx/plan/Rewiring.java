package dev.sonde.onnx.plan;

import dev.sonde.graph.Effect;
import dev.sonde.graph.Node;
import java.util.List;

/** The same values and effects with other inputs. */
final class Rewiring {
    private Rewiring() {}

    static Node of(Node node, List<Integer> inputs) {
        if (inputs.equals(node.inputs())) {
            return node;
        }
        if (node instanceof Node.Apply apply) {
            return new Node.Apply(apply.operator(), inputs, apply.attributes(), apply.texts());
        }
        if (node instanceof Node.Select select) {
            return new Node.Select(inputs.get(0), select.selection());
        }
        if (node instanceof Node.Put put) {
            return new Node.Put(inputs.get(0), inputs.get(1), put.selection());
        }
        if (node instanceof Node.Call call) {
            return new Node.Call(call.run(), call.module(), inputs.get(0));
        }
        if (node instanceof Node.Onnx onnx) {
            return new Node.Onnx(onnx.domain(), onnx.operator(), inputs, onnx.attributes(), onnx.output(), onnx.type());
        }
        if (node instanceof Node.Gradient gradient) {
            int of = gradient.of().size();
            int seeds = gradient.seeds().size();
            return new Node.Gradient(
                    inputs.subList(0, of), inputs.subList(of, of + seeds), inputs.get(of + seeds), gradient.version());
        }
        if (node instanceof Node.Local local) {
            return new Node.Local(inputs.get(0), local.function(), local.type(), local.where());
        }
        if (node instanceof Node.Carried carried) {
            return new Node.Carried(carried.run(), carried.name(), inputs.get(0));
        }
        return new Node.OverSteps(((Node.OverSteps) node).generation(), inputs);
    }

    static Effect of(Effect effect, int run, List<Integer> inputs) {
        if (effect instanceof Effect.Write write) {
            return new Effect.Write(run, write.site(), inputs.get(0), write.version());
        }
        if (effect instanceof Effect.Skip skip) {
            return new Effect.Skip(run, skip.module(), inputs);
        }
        if (effect instanceof Effect.Choose) {
            return new Effect.Choose(run, inputs.get(0), inputs.get(1));
        }
        if (effect instanceof Effect.Carry carry) {
            return new Effect.Carry(run, carry.name(), inputs.get(0));
        }
        if (effect instanceof Effect.Finish) {
            return new Effect.Finish(run, inputs.get(0));
        }
        if (effect instanceof Effect.GradientWrite write) {
            return new Effect.GradientWrite(run, inputs.get(0), inputs.get(1), inputs.get(2), write.version());
        }
        return new Effect.Stop(run, ((Effect.Stop) effect).site());
    }
}
