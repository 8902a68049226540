package dev.sonde.onnx.grad;

import java.util.List;
import java.util.Map;

/** Operators on several values, element by element, which are repeated where one has fewer. */
final class ArithmeticRules {
    private ArithmeticRules() {}

    static void add(Map<String, Rule> table) {
        table.put("Add", Rule.all(v -> each(v, v.g())));
        table.put("Sum", Rule.all(v -> each(v, v.g())));
        table.put("Mean", Rule.all(v -> each(v, v.ops().times(v.g(), 1.0 / v.inputs()))));
        table.put("Sub", Rule.all(ArithmeticRules::sub));
        table.put("Mul", Rule.all(ArithmeticRules::mul));
        table.put("Div", Rule.all(ArithmeticRules::div));
        table.put("Pow", Rule.all(ArithmeticRules::pow));
        table.put("Min", Rule.all(ArithmeticRules::extreme));
        table.put("Max", Rule.all(ArithmeticRules::extreme));
        table.put("PRelu", Rule.all(ArithmeticRules::prelu));
        table.put("Where", new Rule(i -> i > 0, ArithmeticRules::where));
    }

    private static void each(Visit v, String gradient) {
        for (int i = 0; i < v.inputs(); i++) {
            if (v.wants(i)) {
                v.giveSummed(i, gradient);
            }
        }
    }

    private static void sub(Visit v) {
        if (v.wants(0)) {
            v.giveSummed(0, v.g());
        }
        if (v.wants(1)) {
            v.give(1, v.ops().neg(v.ops().sumTo(v.g(), v.in(1))));
        }
    }

    private static void mul(Visit v) {
        if (v.wants(0)) {
            v.giveSummed(0, v.ops().mul(v.g(), v.in(1)));
        }
        if (v.wants(1)) {
            v.giveSummed(1, v.ops().mul(v.g(), v.in(0)));
        }
    }

    private static void div(Visit v) {
        String share = v.ops().div(v.g(), v.in(1));
        if (v.wants(0)) {
            v.giveSummed(0, share);
        }
        if (v.wants(1)) {
            v.giveSummed(1, v.ops().neg(v.ops().mul(share, v.y())));
        }
    }

    private static void pow(Visit v) {
        Ops o = v.ops();
        String exponent = o.castAs(v.in(1), v.x());
        if (v.wants(0)) {
            boolean squared = o.numbers(v.in(1))
                    .filter(number -> number.count() == 1 && number.item() == 2)
                    .isPresent();
            String slope =
                    squared ? o.times(v.x(), 2) : o.mul(exponent, o.node("Pow", List.of(v.x(), o.plus(exponent, -1))));
            v.giveSummed(0, o.mul(v.g(), slope));
        }
        if (v.wants(1)) {
            // 0 to any power stays 0, though the logarithm of 0 is not finite
            String zero = o.equal(v.x(), o.scalar(v.x(), 0));
            String log = o.one("Log", o.node("Where", List.of(zero, o.scalar(v.x(), 1), v.x())));
            v.giveSummed(1, o.mul(v.g(), o.mul(v.y(), log)));
        }
    }

    /** The first of equal inputs takes the gradient, so that the parts sum to the whole. */
    private static void extreme(Visit v) {
        Ops o = v.ops();
        String rest = o.filled(v.y(), 1);
        for (int i = 0; i < v.inputs(); i++) {
            String is = o.cast(o.equal(v.in(i), v.y()), o.dtype(v.y()));
            String share = o.mul(rest, is);
            if (v.wants(i)) {
                v.giveSummed(i, o.mul(v.g(), share));
            }
            rest = o.sub(rest, share);
        }
    }

    private static void prelu(Visit v) {
        Ops o = v.ops();
        String negative = o.less(v.x(), o.scalar(v.x(), 0));
        if (v.wants(0)) {
            String below = o.masked(negative, o.mul(v.g(), o.plus(v.in(1), -1)));
            v.give(0, o.add(v.g(), below));
        }
        if (v.wants(1)) {
            v.giveSummed(1, o.masked(negative, o.mul(v.g(), v.x())));
        }
    }

    private static void where(Visit v) {
        Ops o = v.ops();
        if (v.wants(1)) {
            v.giveSummed(1, o.masked(v.in(0), v.g()));
        }
        if (v.wants(2)) {
            v.giveSummed(2, o.masked(o.not(v.in(0)), v.g()));
        }
    }
}
