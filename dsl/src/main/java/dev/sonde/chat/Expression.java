package dev.sonde.chat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a template computes. */
sealed interface Expression {
    /** A value that is written down; none is null. */
    record Literal(@Nullable Object value) implements Expression {}

    /** What a name stands for. */
    record Name(String name) implements Expression {}

    /** A list, or a tuple. */
    record Items(List<Expression> items) implements Expression {}

    /** A mapping. */
    record Pairs(List<Expression> keys, List<Expression> values) implements Expression {}

    /** A part by its name, {@code a.b}. */
    record Attribute(Expression of, String name) implements Expression {}

    /** A part by its key or number, {@code a[b]}. */
    record Index(Expression of, Expression key) implements Expression {}

    /** A stretch, {@code a[b:c:d]}; what is not written is null. */
    record Slice(
            Expression of,
            @Nullable Expression from,
            @Nullable Expression to,
            @Nullable Expression step) implements Expression {}

    /** A call of a function, a macro or a method. */
    record Call(Expression of, Arguments arguments) implements Expression {}

    /** {@code a | name(...)}. */
    record Filter(Expression of, String name, Arguments arguments) implements Expression {}

    /** {@code a is name(...)}. */
    record Test(Expression of, String name, List<Expression> arguments) implements Expression {}

    /** {@code not a}, {@code -a} or {@code +a}. */
    record Unary(String sign, Expression of) implements Expression {}

    /** Two values and a sign between them; {@code and}, {@code or} among them. */
    record Binary(String sign, Expression left, Expression right) implements Expression {}

    /** Comparisons in a row, as Python has them: {@code a < b <= c}. */
    record Comparison(List<String> signs, List<Expression> sides) implements Expression {}

    /** {@code yes if condition else no}. */
    record Choice(Expression condition, Expression yes, Expression no) implements Expression {}

    /** What stands between the brackets of a call. */
    record Arguments(List<Expression> plain, Map<String, Expression> named) {
        static final Arguments NONE = new Arguments(List.of(), Map.of());
    }
}
