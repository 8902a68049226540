package dev.sonde.chat;

import dev.sonde.chat.Values.Function;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a template can ask with {@code is}. */
final class Checks {
    private Checks() {}

    static boolean holds(String name, @Nullable Object value, List<@Nullable Object> given) {
        Object other = given.isEmpty() ? null : given.get(0);
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == null;
            case "string" -> value instanceof String;
            case "number" -> Values.isNumber(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "mapping" -> value instanceof Map;
            case "sequence", "iterable" ->
                value instanceof List || value instanceof Map || value instanceof String || value instanceof Undefined;
            case "callable" -> value instanceof Function;
            case "odd" -> Math.floorMod(Values.whole(value), 2L) == 1;
            case "even" -> Math.floorMod(Values.whole(value), 2L) == 0;
            case "divisibleby" -> Math.floorMod(Values.whole(value), Values.whole(other)) == 0;
            case "eq", "equalto", "sameas" -> Values.equal(value, other);
            case "ne" -> !Values.equal(value, other);
            case "lt", "lessthan" -> Values.compare(value, other) < 0;
            case "le" -> Values.compare(value, other) <= 0;
            case "gt", "greaterthan" -> Values.compare(value, other) > 0;
            case "ge" -> Values.compare(value, other) >= 0;
            case "in" -> Values.contains(other, value);
            case "lower" -> Values.string(value).equals(Values.string(value).toLowerCase(Locale.ROOT));
            case "upper" -> Values.string(value).equals(Values.string(value).toUpperCase(Locale.ROOT));
            default -> throw ChatTemplate.bad(0, "the test 'is " + name + "' is not known");
        };
    }
}
