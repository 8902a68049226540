package dev.sonde.onnx.grad;

import java.util.Map;

/** Operators that treat each element of one value alone. */
final class UnaryRules {
    private UnaryRules() {}

    static void add(Map<String, Rule> table) {
        table.put("Identity", Rule.unary((o, g, x, y) -> g));
        table.put("Dropout", Rule.unary((o, g, x, y) -> g));
        // what comes back to whole numbers, as quantised operators have them, is floats all the same
        Rule cast = Rule.unary((o, g, x, y) -> o.dtype(x).isFloat() ? o.castAs(g, x) : g);
        table.put("Cast", cast);
        table.put("CastLike", cast);
        table.put("Neg", Rule.unary((o, g, x, y) -> o.neg(g)));
        table.put("Abs", Rule.unary((o, g, x, y) -> o.mul(g, o.sign(x))));
        table.put("Exp", Rule.unary((o, g, x, y) -> o.mul(g, y)));
        table.put("Log", Rule.unary((o, g, x, y) -> o.div(g, x)));
        table.put("Sqrt", Rule.unary((o, g, x, y) -> o.div(o.times(g, 0.5), y)));
        table.put("Reciprocal", Rule.unary((o, g, x, y) -> o.neg(o.mul(g, o.square(y)))));
        trigonometric(table);
        saturating(table);
        rectifying(table);
        gated(table);
    }

    private static void trigonometric(Map<String, Rule> table) {
        table.put("Sin", Rule.unary((o, g, x, y) -> o.mul(g, o.one("Cos", x))));
        table.put("Cos", Rule.unary((o, g, x, y) -> o.neg(o.mul(g, o.one("Sin", x)))));
        table.put("Tan", Rule.unary((o, g, x, y) -> o.mul(g, o.plus(o.square(y), 1))));
        table.put("Asin", Rule.unary((o, g, x, y) -> o.div(g, o.one("Sqrt", o.from(1, o.square(x))))));
        table.put("Acos", Rule.unary((o, g, x, y) -> o.neg(o.div(g, o.one("Sqrt", o.from(1, o.square(x)))))));
        table.put("Atan", Rule.unary((o, g, x, y) -> o.div(g, o.plus(o.square(x), 1))));
        // cosh x is the root of 1 + sinh² x, and so on: fewer operators are needed
        table.put("Sinh", Rule.unary((o, g, x, y) -> o.mul(g, o.one("Sqrt", o.plus(o.square(y), 1)))));
        table.put("Cosh", Rule.unary((o, g, x, y) -> o.mul(g, o.one("Sinh", x))));
        table.put("Asinh", Rule.unary((o, g, x, y) -> o.div(g, o.one("Sqrt", o.plus(o.square(x), 1)))));
        table.put("Acosh", Rule.unary((o, g, x, y) -> o.div(g, o.one("Sqrt", o.plus(o.square(x), -1)))));
        table.put("Atanh", Rule.unary((o, g, x, y) -> o.div(g, o.from(1, o.square(x)))));
    }

    private static void saturating(Map<String, Rule> table) {
        table.put("Tanh", Rule.unary((o, g, x, y) -> o.mul(g, o.from(1, o.square(y)))));
        table.put("Sigmoid", Rule.unary((o, g, x, y) -> o.mul(g, logistic(o, y))));
        table.put("Erf", Rule.unary((o, g, x, y) -> o.mul(g, o.times(bell(o, x, 1), 2 / Math.sqrt(Math.PI)))));
        table.put("Softplus", Rule.unary((o, g, x, y) -> o.mul(g, o.one("Sigmoid", x))));
        table.put("Softsign", Rule.unary((o, g, x, y) -> o.div(g, o.square(o.plus(o.one("Abs", x), 1)))));
        table.put("HardSigmoid", Rule.first(v -> {
            Ops o = v.ops();
            double alpha = Attrs.real(v.node(), "alpha", 0.2);
            v.give(0, o.masked(between(o, v.y(), 0, 1), o.times(v.g(), alpha)));
        }));
    }

    private static void rectifying(Map<String, Rule> table) {
        table.put("Relu", Rule.unary((o, g, x, y) -> o.masked(o.greater(y, o.scalar(y, 0)), g)));
        table.put("LeakyRelu", leaky(0.01));
        table.put("ThresholdedRelu", Rule.first(v -> {
            Ops o = v.ops();
            double alpha = Attrs.real(v.node(), "alpha", 1);
            v.give(0, o.masked(o.greater(v.x(), o.scalar(v.x(), alpha)), v.g()));
        }));
        table.put("Elu", exponential(1, 1, false));
        table.put("Selu", exponential(1.6732631921768188, 1.0507010221481323, false));
        table.put("Celu", exponential(1, 1, true));
        table.put("Shrink", Rule.first(v -> {
            Ops o = v.ops();
            double limit = Attrs.real(v.node(), "lambd", 0.5);
            v.give(0, o.masked(o.greater(o.one("Abs", v.x()), o.scalar(v.x(), limit)), v.g()));
        }));
        table.put("Clip", Rule.first(v -> v.give(0, clip(v))));
    }

    private static Rule leaky(double otherwise) {
        return Rule.first(v -> {
            Ops o = v.ops();
            double alpha = Attrs.real(v.node(), "alpha", otherwise);
            String below = o.masked(o.less(v.x(), o.scalar(v.x(), 0)), o.times(v.g(), alpha - 1));
            v.give(0, o.add(v.g(), below));
        });
    }

    /** {@code gamma * alpha * (exp(x) - 1)} below 0, of which the derivative is {@code y + gamma * alpha}. */
    private static Rule exponential(double alphaOtherwise, double gammaOtherwise, boolean scaled) {
        return Rule.first(v -> {
            Ops o = v.ops();
            double alpha = Attrs.real(v.node(), "alpha", alphaOtherwise);
            double gamma = Attrs.real(v.node(), "gamma", gammaOtherwise);
            String below = o.plus(v.y(), gamma * alpha);
            String curve = o.mul(v.g(), scaled ? o.times(below, 1 / alpha) : below);
            String negative = o.less(v.x(), o.scalar(v.x(), 0));
            v.give(0, o.add(o.masked(negative, curve), o.masked(o.not(negative), o.times(v.g(), gamma))));
        });
    }

    private static String clip(Visit v) {
        Ops o = v.ops();
        String g = v.g();
        if (v.node().getInputCount() == 1 && v.node().getAttributeCount() > 0) { // before opset 11
            String low = o.scalar(v.x(), Attrs.real(v.node(), "min", -Float.MAX_VALUE));
            String high = o.scalar(v.x(), Attrs.real(v.node(), "max", Float.MAX_VALUE));
            return o.masked(o.not(o.less(v.x(), low)), o.masked(o.not(o.greater(v.x(), high)), g));
        }
        if (v.has(1)) {
            g = o.masked(o.not(o.less(v.x(), v.in(1))), g);
        }
        return v.has(2) ? o.masked(o.not(o.greater(v.x(), v.in(2))), g) : g;
    }

    private static void gated(Map<String, Rule> table) {
        Rule exact = Rule.unary((o, g, x, y) -> o.mul(g, gelu(o, x)));
        Rule tanh = Rule.unary((o, g, x, y) -> o.mul(g, geluTanh(o, x)));
        table.put(
                "Gelu",
                Rule.first(v -> (Attrs.text(v.node(), "approximate", "none").equals("tanh") ? tanh : exact)
                        .pass()
                        .of(v)));
        table.put("com.microsoft:Gelu", exact);
        table.put("com.microsoft:FastGelu", biased(UnaryRules::geluTanh));
        table.put("com.microsoft:BiasGelu", biased(UnaryRules::gelu));
        table.put("com.microsoft:QuickGelu", Rule.first(v -> swish(v, Attrs.real(v.node(), "alpha", 1.702))));
        table.put("Swish", Rule.first(v -> swish(v, Attrs.real(v.node(), "alpha", 1))));
        table.put("HardSwish", Rule.unary((o, g, x, y) -> o.mul(g, hardSwish(o, x))));
        table.put("Mish", Rule.unary((o, g, x, y) -> o.mul(g, mish(o, x))));
    }

    private interface Derivative {
        String of(Ops o, String x);
    }

    /** An activation of {@code x}, or of the sum of it and a bias. */
    private static Rule biased(Derivative derivative) {
        return Rule.below(2, v -> {
            String x = v.has(1) ? v.ops().add(v.x(), v.in(1)) : v.x();
            String g = v.ops().mul(v.g(), derivative.of(v.ops(), x));
            v.give(0, g);
            if (v.wants(1)) {
                v.giveSummed(1, g);
            }
        });
    }

    private static void swish(Visit v, double alpha) {
        Ops o = v.ops();
        String s = o.one("Sigmoid", o.times(v.x(), alpha));
        String slope = o.add(s, o.mul(o.times(v.x(), alpha), logistic(o, s)));
        v.give(0, o.mul(v.g(), slope));
    }

    /** The derivative of the logistic function, of its value. */
    private static String logistic(Ops o, String y) {
        return o.mul(y, o.from(1, y));
    }

    private static String bell(Ops o, String x, double width) {
        return o.one("Exp", o.times(o.square(x), -1 / width));
    }

    private static String gelu(Ops o, String x) {
        String share = o.times(o.plus(o.one("Erf", o.times(x, Math.sqrt(0.5))), 1), 0.5);
        return o.add(share, o.mul(x, o.times(bell(o, x, 2), 1 / Math.sqrt(2 * Math.PI))));
    }

    private static String geluTanh(Ops o, String x) {
        double c = Math.sqrt(2 / Math.PI);
        String squared = o.square(x);
        String inner = o.mul(x, o.plus(o.times(squared, 0.044715 * c), c));
        String t = o.one("Tanh", inner);
        String slope = o.plus(o.times(squared, 3 * 0.044715 * c), c);
        String curve = o.mul(o.mul(o.times(x, 0.5), o.from(1, o.square(t))), slope);
        return o.add(o.plus(o.times(t, 0.5), 0.5), curve);
    }

    private static String hardSwish(Ops o, String x) {
        String ramp = o.masked(between(o, x, -3, 3), o.plus(o.times(x, 1 / 3.0), 0.5));
        String one = o.cast(o.not(o.less(x, o.scalar(x, 3))), o.dtype(x));
        return o.add(ramp, one);
    }

    private static String mish(Ops o, String x) {
        String t = o.one("Tanh", o.one("Softplus", x));
        return o.add(t, o.mul(x, o.mul(o.from(1, o.square(t)), o.one("Sigmoid", x))));
    }

    private static String between(Ops o, String x, double low, double high) {
        return o.node("And", java.util.List.of(o.greater(x, o.scalar(x, low)), o.less(x, o.scalar(x, high))));
    }
}
