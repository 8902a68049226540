package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** How gradients pass each operator that has one. */
public final class Rules {
    /** The documentation of a node that gradients stop at. */
    public static final String STOP = "sonde: stop gradient";

    /** The documentation of a node that gradients pass once: those of gradients do not hold. */
    static final String ONCE = "sonde: once";

    static final String WAY_ROUND = "Expected operators with a gradient between the two, or stopGradient() or"
            + " straightThrough(...) on a value before it";

    /** Operators whose results do not change with small changes of what they read, or that read no numbers. */
    private static final Set<String> CONSTANT = Set.of(
            "Shape",
            "Size",
            "Equal",
            "Less",
            "LessOrEqual",
            "Greater",
            "GreaterOrEqual",
            "And",
            "Or",
            "Xor",
            "Not",
            "IsNaN",
            "IsInf",
            "ArgMax",
            "ArgMin",
            "NonZero",
            "OneHot",
            "Range",
            "Constant",
            "ConstantOfShape",
            "EyeLike",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Bernoulli",
            "Multinomial",
            "BitShift",
            "BitwiseAnd",
            "BitwiseOr",
            "BitwiseNot",
            "BitwiseXor");

    private static final Map<String, Rule> TABLE = table();

    private Rules() {}

    private static Map<String, Rule> table() {
        Map<String, Rule> table = new HashMap<>();
        UnaryRules.add(table);
        ArithmeticRules.add(table);
        ProductRules.add(table);
        ReductionRules.add(table);
        FormRules.add(table);
        IndexRules.add(table);
        NormRules.add(table);
        ConvolutionRules.add(table);
        QuantisedRules.add(table);
        return table;
    }

    private static String key(NodeProto node) {
        boolean standard = node.getDomain().isEmpty() || node.getDomain().equals("ai.onnx");
        return standard ? node.getOpType() : node.getDomain() + ":" + node.getOpType();
    }

    static Optional<Rule> of(NodeProto node) {
        return node.getDocString().equals(ONCE) ? Optional.empty() : Optional.ofNullable(TABLE.get(key(node)));
    }

    /** Returns the names of the operators that have a gradient. */
    public static Set<String> operators() {
        return Set.copyOf(TABLE.keySet());
    }

    /** Returns those of a node's inputs that its outputs may have a gradient with respect to. */
    static List<String> inputs(NodeProto node) {
        if (CONSTANT.contains(key(node)) || node.getDocString().equals(STOP) || isWhole(node)) {
            return List.of();
        }
        Optional<Rule> rule = of(node);
        List<String> inputs = new ArrayList<>();
        for (int i = 0; i < node.getInputCount(); i++) {
            int at = i;
            if (!node.getInput(i).isEmpty()
                    && rule.map(each -> each.inputs().test(at)).orElse(true)) {
                inputs.add(node.getInput(i));
            }
        }
        return inputs;
    }

    private static boolean isWhole(NodeProto node) {
        return node.getOpType().equals("Cast")
                && !ElementTypes.dtype((int) Attrs.whole(node, "to", 1))
                        .map(type -> type.isFloat())
                        .orElse(true);
    }

    static String label(NodeProto node) {
        return key(node) + " ('" + node.getName() + "', which makes '" + node.getOutput(0) + "')";
    }

    static SondeException refusal(NodeProto node) {
        return new SondeException(
                "not-differentiable", "There is no gradient through " + label(node) + ". " + WAY_ROUND);
    }
}
