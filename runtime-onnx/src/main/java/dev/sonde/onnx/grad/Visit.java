package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** One node on the way back: what it read and made, the gradients of what it made, and which of its inputs want one. */
final class Visit {
    private final NodeProto node;
    private final Ops ops;
    private final List<@Nullable String> gradients;
    private final Predicate<String> wanted;
    private final Map<Integer, String> given = new HashMap<>();

    Visit(NodeProto node, Ops ops, List<@Nullable String> gradients, Predicate<String> wanted) {
        this.node = node;
        this.ops = ops;
        this.gradients = gradients;
        this.wanted = wanted;
    }

    NodeProto node() {
        return node;
    }

    Ops ops() {
        return ops;
    }

    int inputs() {
        return node.getInputCount();
    }

    boolean has(int input) {
        return input >= 0
                && input < node.getInputCount()
                && !node.getInput(input).isEmpty();
    }

    String in(int input) {
        return node.getInput(input);
    }

    String x() {
        return node.getInput(0);
    }

    String y() {
        return node.getOutput(0);
    }

    /** Returns whether an input wants a gradient. */
    boolean wants(int input) {
        return has(input) && wanted.test(node.getInput(input));
    }

    /** Returns the gradient of the first output. */
    String g() {
        String g = g(0);
        if (g == null) {
            throw new SondeException(
                    "not-differentiable",
                    "Node '" + node.getName() + "' (" + node.getOpType() + ") has no gradient for its further outputs");
        }
        return g;
    }

    /** Returns the gradient of an output, or nothing if the result does not depend on it. */
    @Nullable
    String g(int output) {
        return output < gradients.size() ? gradients.get(output) : null;
    }

    /** Says what the gradient of an input is, in its shape. */
    void give(int input, String gradient) {
        given.merge(input, gradient, ops::add);
    }

    /** Says what the gradient of an input is; it is summed over axes along which the input was repeated. */
    void giveSummed(int input, String gradient) {
        give(input, ops.sumTo(gradient, in(input)));
    }

    Map<Integer, String> given() {
        return given;
    }

    long axis(long otherwise) {
        long axis = Attrs.whole(node, "axis", otherwise);
        return axis < 0 ? axis + ops.rank(x()) : axis;
    }

    SondeException refuse(String why) {
        return new SondeException(
                "not-differentiable",
                "There is no gradient through " + Rules.label(node) + " here: " + why + ". " + Rules.WAY_ROUND);
    }
}
