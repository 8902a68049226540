package dev.sonde.chat;

import dev.sonde.chat.Expression.Arguments;
import dev.sonde.chat.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads expressions: what binds weakest first. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> NO_ARGUMENT = Set.of("else", "and", "or", "if", "is", "in", "not");

    private static final int DEEPEST = 100;

    private final Tokens tokens;
    private int depth;

    ExpressionParser(Tokens tokens) {
        this.tokens = tokens;
    }

    /** Reads one value, or several with commas between them. */
    Expression withTuples() {
        Expression first = one();
        if (!tokens.now().is(Kind.SIGN, ",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (tokens.skip(",") && tokens.now().kind() != Kind.END) {
            items.add(one());
        }
        return new Expression.Items(items);
    }

    Expression one() {
        return within(this::choice);
    }

    private Expression within(Supplier<Expression> part) {
        if (++depth > DEEPEST) {
            throw ChatTemplate.bad(tokens.line(), "an expression is nested too deeply");
        }
        Expression value = part.get();
        depth--;
        return value;
    }

    private Expression choice() {
        Expression value = withoutChoice();
        while (tokens.skipWord("if")) {
            Expression condition = withoutChoice();
            Expression no = tokens.skipWord("else") ? one() : new Expression.Name("");
            value = new Expression.Choice(condition, value, no);
        }
        return value;
    }

    Expression withoutChoice() {
        Expression left = and();
        while (tokens.skipWord("or")) {
            left = new Expression.Binary("or", left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.skipWord("and")) {
            left = new Expression.Binary("and", left, not());
        }
        return left;
    }

    private Expression not() {
        return tokens.skipWord("not") ? new Expression.Unary("not", within(this::not)) : comparison();
    }

    private Expression comparison() {
        List<Expression> sides = new ArrayList<>(List.of(sum()));
        List<String> signs = new ArrayList<>();
        while (true) {
            if (tokens.now().kind() == Kind.SIGN
                    && COMPARISONS.contains(tokens.now().text())) {
                signs.add(tokens.next().text());
            } else if (tokens.skipWord("in")) {
                signs.add("in");
            } else if (tokens.now().is(Kind.NAME, "not") && tokens.behind().is(Kind.NAME, "in")) {
                tokens.next();
                tokens.next();
                signs.add("not in");
            } else {
                return signs.isEmpty() ? sides.get(0) : new Expression.Comparison(signs, sides);
            }
            sides.add(sum());
        }
    }

    private Expression sum() {
        Expression left = joined();
        while (tokens.now().is(Kind.SIGN, "+") || tokens.now().is(Kind.SIGN, "-")) {
            left = new Expression.Binary(tokens.next().text(), left, joined());
        }
        return left;
    }

    private Expression joined() {
        Expression left = product();
        while (tokens.skip("~")) {
            left = new Expression.Binary("~", left, product());
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (tokens.now().kind() == Kind.SIGN
                && Set.of("*", "/", "//", "%").contains(tokens.now().text())) {
            left = new Expression.Binary(tokens.next().text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (tokens.skip("**")) {
            left = new Expression.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean filters) {
        Expression value;
        if (tokens.now().is(Kind.SIGN, "-") || tokens.now().is(Kind.SIGN, "+")) {
            value = new Expression.Unary(tokens.next().text(), within(() -> unary(false)));
        } else {
            value = parts(primary());
        }
        return filters ? filtered(value) : value;
    }

    private Expression primary() {
        Token token = tokens.next();
        if (token.kind() == Kind.NAME) {
            return named(token.text());
        }
        if (token.kind() == Kind.STRING) {
            StringBuilder text = new StringBuilder(token.text());
            while (tokens.now().kind() == Kind.STRING) {
                text.append(tokens.next().text()); // beside each other they are one
            }
            return new Expression.Literal(text.toString());
        }
        if (token.kind() == Kind.NUMBER) {
            return new Expression.Literal(number(token));
        }
        return switch (token.text()) {
            case "(" -> bracketed();
            case "[" -> new Expression.Items(items("]"));
            case "{" -> pairs();
            default -> throw ChatTemplate.bad(token.line(), "'" + token.text() + "' is not expected here");
        };
    }

    private static Expression named(String name) {
        return switch (name) {
            case "true", "True" -> new Expression.Literal(true);
            case "false", "False" -> new Expression.Literal(false);
            case "none", "None" -> new Expression.Literal(null);
            default -> new Expression.Name(name);
        };
    }

    private static Object number(Token token) {
        String digits = token.text().replace("_", "");
        try {
            if (digits.contains(".") || digits.contains("e") || digits.contains("E")) {
                return Double.valueOf(digits);
            }
            return Long.valueOf(digits);
        } catch (NumberFormatException e) {
            throw ChatTemplate.bad(token.line(), "the number " + digits + " is too large");
        }
    }

    private Expression bracketed() {
        if (tokens.skip(")")) {
            return new Expression.Items(List.of());
        }
        Expression first = one();
        if (tokens.skip(")")) {
            return first;
        }
        tokens.sign(",");
        List<Expression> all = new ArrayList<>(List.of(first));
        all.addAll(items(")"));
        return new Expression.Items(all);
    }

    private List<Expression> items(String end) {
        List<Expression> items = new ArrayList<>();
        while (!tokens.skip(end)) {
            items.add(one());
            if (!tokens.now().is(Kind.SIGN, end)) {
                tokens.sign(",");
            }
        }
        return items;
    }

    private Expression pairs() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.skip("}")) {
            keys.add(one());
            tokens.sign(":");
            values.add(one());
            if (!tokens.now().is(Kind.SIGN, "}")) {
                tokens.sign(",");
            }
        }
        return new Expression.Pairs(keys, values);
    }

    private Expression parts(Expression whole) {
        Expression value = whole;
        while (true) {
            if (tokens.skip(".")) {
                Token part = tokens.next();
                value = part.kind() == Kind.NUMBER
                        ? new Expression.Index(value, new Expression.Literal(Long.valueOf(part.text())))
                        : new Expression.Attribute(value, part.text());
            } else if (tokens.skip("[")) {
                value = index(value);
            } else if (tokens.skip("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression index(Expression of) {
        Expression from = tokens.now().is(Kind.SIGN, ":") ? null : one();
        if (tokens.skip("]")) {
            return new Expression.Index(of, Objects.requireNonNull(from));
        }
        tokens.sign(":");
        Expression to = bound();
        Expression step = tokens.skip(":") ? bound() : null;
        tokens.sign("]");
        return new Expression.Slice(of, from, to, step);
    }

    private @Nullable Expression bound() {
        boolean none = tokens.now().is(Kind.SIGN, ":") || tokens.now().is(Kind.SIGN, "]");
        return none ? null : one();
    }

    private Arguments arguments() {
        List<Expression> plain = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        while (!tokens.skip(")")) {
            if (tokens.now().kind() == Kind.NAME && tokens.behind().is(Kind.SIGN, "=")) {
                String name = tokens.name();
                tokens.next();
                named.put(name, one());
            } else {
                plain.add(one());
            }
            if (!tokens.now().is(Kind.SIGN, ")")) {
                tokens.sign(",");
            }
        }
        return new Arguments(plain, named);
    }

    private Expression filtered(Expression of) {
        Expression value = of;
        while (true) {
            if (tokens.skip("|")) {
                String name = tokens.name();
                value = new Expression.Filter(value, name, tokens.skip("(") ? arguments() : Arguments.NONE);
            } else if (tokens.skipWord("is")) {
                value = test(value);
            } else if (tokens.skip("(")) {
                value = new Expression.Call(value, arguments());
            } else {
                return value;
            }
        }
    }

    private Expression test(Expression of) {
        boolean not = tokens.skipWord("not");
        String name = tokens.name();
        List<Expression> given = new ArrayList<>();
        Kind kind = tokens.now().kind();
        boolean word = kind == Kind.NAME && !NO_ARGUMENT.contains(tokens.now().text());
        if (tokens.skip("(")) {
            given.addAll(arguments().plain());
        } else if (word
                || kind == Kind.STRING
                || kind == Kind.NUMBER
                || tokens.now().is(Kind.SIGN, "[")) {
            given.add(parts(primary()));
        }
        Expression test = new Expression.Test(of, name, given);
        return not ? new Expression.Unary("not", test) : test;
    }
}
