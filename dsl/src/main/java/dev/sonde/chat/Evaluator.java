package dev.sonde.chat;

import dev.sonde.chat.Expression.Arguments;
import dev.sonde.chat.Values.Function;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Computes a template's expressions. There is no way from here to Java's own objects. */
final class Evaluator {
    private static final int LONGEST = 1 << 24;

    private final Effort effort;

    Evaluator(Effort effort) {
        this.effort = effort;
    }

    @Nullable
    Object value(Expression expression, Scope scope) {
        return effort.within(() -> computed(expression, scope));
    }

    private @Nullable Object computed(Expression expression, Scope scope) {
        if (expression instanceof Expression.Literal literal) {
            return literal.value();
        }
        if (expression instanceof Expression.Name name) {
            return scope.get(name.name());
        }
        if (expression instanceof Expression.Items items) {
            return values(items.items(), scope);
        }
        if (expression instanceof Expression.Pairs pairs) {
            return pairs(pairs, scope);
        }
        if (expression instanceof Expression.Attribute attribute) {
            return part(value(attribute.of(), scope), attribute.name());
        }
        if (expression instanceof Expression.Index index) {
            return index(value(index.of(), scope), value(index.key(), scope));
        }
        if (expression instanceof Expression.Slice slice) {
            return slice(slice, scope);
        }
        if (expression instanceof Expression.Choice choice) {
            return value(Values.isTrue(value(choice.condition(), scope)) ? choice.yes() : choice.no(), scope);
        }
        return operation(expression, scope);
    }

    private @Nullable Object operation(Expression expression, Scope scope) {
        if (expression instanceof Expression.Call call) {
            return call(call, scope);
        }
        if (expression instanceof Expression.Filter filter) {
            return new Filters(effort)
                    .apply(
                            filter.name(),
                            value(filter.of(), scope),
                            values(filter.arguments().plain(), scope),
                            named(filter.arguments(), scope));
        }
        if (expression instanceof Expression.Test test) {
            return Checks.holds(test.name(), value(test.of(), scope), values(test.arguments(), scope));
        }
        if (expression instanceof Expression.Unary unary) {
            return unary(unary.sign(), value(unary.of(), scope));
        }
        if (expression instanceof Expression.Comparison comparison) {
            return compare(comparison, scope);
        }
        return binary((Expression.Binary) expression, scope);
    }

    private List<@Nullable Object> values(List<Expression> expressions, Scope scope) {
        List<@Nullable Object> values = new ArrayList<>();
        expressions.forEach(each -> values.add(value(each, scope)));
        return values;
    }

    private Map<String, @Nullable Object> named(Arguments arguments, Scope scope) {
        Map<String, @Nullable Object> named = new LinkedHashMap<>();
        arguments.named().forEach((name, each) -> named.put(name, value(each, scope)));
        return named;
    }

    private Map<Object, @Nullable Object> pairs(Expression.Pairs pairs, Scope scope) {
        Map<Object, @Nullable Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.keys().size(); i++) {
            map.put(
                    Values.text(value(pairs.keys().get(i), scope)),
                    value(pairs.values().get(i), scope));
        }
        return map;
    }

    /** A mapping's key, or the loop's or a namespace's part. */
    private static @Nullable Object part(@Nullable Object of, String name) {
        if (of instanceof Map<?, ?> map && map.containsKey(name)) {
            return map.get(name);
        }
        if (of instanceof Undefined none) {
            throw ChatTemplate.bad(0, "'" + none.name() + "' has no value, so it has no '" + name + "'");
        }
        return new Undefined(name);
    }

    private static @Nullable Object index(@Nullable Object of, @Nullable Object key) {
        if (key instanceof String name) {
            return part(of, name);
        }
        if (of instanceof Undefined none) {
            throw ChatTemplate.bad(0, "'" + none.name() + "' has no value, so it has no items");
        }
        if ((of instanceof List || of instanceof String) && key instanceof Long number) {
            List<@Nullable Object> items = Values.items(of);
            long at = number < 0 ? number + items.size() : number;
            return at >= 0 && at < items.size() ? items.get((int) at) : new Undefined("[" + number + "]");
        }
        return new Undefined("[" + Values.text(key) + "]");
    }

    private @Nullable Object slice(Expression.Slice slice, Scope scope) {
        Object of = value(slice.of(), scope);
        List<@Nullable Object> items = Values.items(of);
        Long step = bound(slice.step(), scope);
        long by = step == null ? 1 : step;
        if (by == 0) {
            throw ChatTemplate.bad(0, "the step of a slice is 0");
        }
        int size = items.size();
        long from = clamped(bound(slice.from(), scope), by > 0 ? 0 : size - 1L, size, by);
        long to = clamped(bound(slice.to(), scope), by > 0 ? size : -1, size, by);
        List<@Nullable Object> taken = new ArrayList<>();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            taken.add(items.get((int) i));
        }
        return of instanceof String
                ? String.join("", taken.stream().map(Values::text).toList())
                : taken;
    }

    private @Nullable Long bound(@Nullable Expression bound, Scope scope) {
        Object value = bound == null ? null : value(bound, scope);
        return value == null ? null : Long.valueOf(Values.whole(value));
    }

    private static long clamped(@Nullable Long bound, long otherwise, int size, long step) {
        if (bound == null) {
            return otherwise;
        }
        long at = bound < 0 ? bound + size : bound;
        return step > 0 ? Math.max(0, Math.min(at, size)) : Math.max(-1, Math.min(at, size - 1L));
    }

    private @Nullable Object call(Expression.Call call, Scope scope) {
        List<@Nullable Object> plain = values(call.arguments().plain(), scope);
        Map<String, @Nullable Object> named = named(call.arguments(), scope);
        Object function;
        if (call.of() instanceof Expression.Attribute method) {
            Object of = value(method.of(), scope);
            function = of instanceof Map<?, ?> map ? map.get(method.name()) : null;
            if (!(function instanceof Function)) {
                return Methods.call(of, method.name(), plain, named, effort);
            }
        } else {
            function = value(call.of(), scope);
        }
        if (function instanceof Function known) {
            return known.call(plain, named);
        }
        throw ChatTemplate.bad(0, "a " + Values.kind(function) + " cannot be called");
    }

    private static Object unary(String sign, @Nullable Object value) {
        return switch (sign) {
            case "not" -> !Values.isTrue(value);
            case "-" -> {
                if (value instanceof Double real) {
                    yield Double.valueOf(-real);
                }
                yield Long.valueOf(-Values.whole(value));
            }
            default -> java.util.Objects.requireNonNull(value);
        };
    }

    private Object compare(Expression.Comparison comparison, Scope scope) {
        Object left = value(comparison.sides().get(0), scope);
        for (int i = 0; i < comparison.signs().size(); i++) {
            Object right = value(comparison.sides().get(i + 1), scope);
            if (!holds(comparison.signs().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private static boolean holds(String sign, @Nullable Object left, @Nullable Object right) {
        return switch (sign) {
            case "==" -> Values.equal(left, right);
            case "!=" -> !Values.equal(left, right);
            case "in" -> Values.contains(right, left);
            case "not in" -> !Values.contains(right, left);
            case "<" -> Values.compare(left, right) < 0;
            case "<=" -> Values.compare(left, right) <= 0;
            case ">" -> Values.compare(left, right) > 0;
            default -> Values.compare(left, right) >= 0;
        };
    }

    private @Nullable Object binary(Expression.Binary binary, Scope scope) {
        Object left = value(binary.left(), scope);
        if (binary.sign().equals("and")) {
            return Values.isTrue(left) ? value(binary.right(), scope) : left;
        }
        if (binary.sign().equals("or")) {
            return Values.isTrue(left) ? left : value(binary.right(), scope);
        }
        Object right = value(binary.right(), scope);
        Object result = binary.sign().equals("~")
                ? Values.text(left) + Values.text(right)
                : binary.sign().equals("+") ? sum(left, right) : arithmetic(binary.sign(), left, right);
        if (result instanceof String text && text.length() > LONGEST) {
            throw ChatTemplate.bad(0, "a text has more than " + LONGEST + " letters");
        }
        return result;
    }

    private static Object sum(@Nullable Object left, @Nullable Object right) {
        if (left instanceof String first && right instanceof String second) {
            return first + second;
        }
        if (left instanceof List<?> first && right instanceof List<?> second) {
            List<@Nullable Object> both = new ArrayList<>(first);
            both.addAll(second);
            return Collections.unmodifiableList(both);
        }
        return arithmetic("+", left, right);
    }

    private static Object arithmetic(String sign, @Nullable Object left, @Nullable Object right) {
        if (!Values.isNumber(left) || !Values.isNumber(right)) {
            throw ChatTemplate.bad(
                    0, "'" + sign + "' does not go with a " + Values.kind(left) + " and a " + Values.kind(right));
        }
        boolean real = left instanceof Double || right instanceof Double || sign.equals("/");
        try {
            if (real) {
                return reals(sign, Values.real(left), Values.real(right));
            }
            return wholes(sign, Values.whole(left), Values.whole(right));
        } catch (ArithmeticException e) {
            throw ChatTemplate.bad(0, "'" + sign + "' has no result: " + e.getMessage());
        }
    }

    private static Double reals(String sign, double a, double b) {
        return switch (sign) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor(a / b);
            case "%" -> a - b * Math.floor(a / b);
            default -> Math.pow(a, b);
        };
    }

    private static Long wholes(String sign, long a, long b) {
        return switch (sign) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            case "//" -> Math.floorDiv(a, b);
            case "%" -> Math.floorMod(a, b);
            default -> Math.round(Math.pow((double) a, (double) b));
        };
    }
}
