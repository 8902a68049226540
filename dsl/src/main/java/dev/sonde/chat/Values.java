package dev.sonde.chat;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What values mean to a template, as in Python: text, whole numbers, numbers with a fraction, truth values, lists, mappings,
 * nothing (null), and names without a value.
 */
final class Values {
    private Values() {}

    /** What can be called. */
    interface Function {
        @Nullable
        Object call(List<@Nullable Object> plain, Map<String, @Nullable Object> named);
    }

    static boolean isTrue(@Nullable Object value) {
        if (value == null || value instanceof Undefined) {
            return false;
        }
        return value instanceof Boolean truth
                ? truth
                : value instanceof String text
                        ? !text.isEmpty()
                        : value instanceof List<?> list
                                ? !list.isEmpty()
                                : value instanceof Map<?, ?> map
                                        ? !map.isEmpty()
                                        : !(value instanceof Number number) || number.doubleValue() != 0;
    }

    /** Returns what printing shows. */
    static String text(@Nullable Object value) {
        return value instanceof String text ? text : value instanceof Undefined ? "" : shown(value);
    }

    /** Returns how Python shows a value inside of others. */
    private static String shown(@Nullable Object value) {
        if (value == null) {
            return "None";
        }
        if (value instanceof Boolean truth) {
            return truth ? "True" : "False";
        }
        if (value instanceof Number number) {
            return number(number);
        }
        if (value instanceof String text) {
            return quoted(text);
        }
        if (value instanceof List<?> list) {
            return "[" + String.join(", ", list.stream().map(Values::shown).toList()) + "]";
        }
        if (value instanceof Map<?, ?> map) {
            List<String> pairs = new ArrayList<>();
            map.forEach((key, one) -> pairs.add(shown(key) + ": " + shown(one)));
            return "{" + String.join(", ", pairs) + "}";
        }
        throw ChatTemplate.bad(0, "a " + kind(value) + " cannot be printed");
    }

    private static String quoted(String text) {
        char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
        StringBuilder out = new StringBuilder().append(quote);
        text.chars().forEach(c -> {
            switch (c) {
                case '\n' -> out.append("\\n");
                case '\t' -> out.append("\\t");
                case '\r' -> out.append("\\r");
                case '\\' -> out.append("\\\\");
                default -> out.append(c == quote ? "\\" : "").append((char) c);
            }
        });
        return out.append(quote).toString();
    }

    private static String number(Number number) {
        if (!(number instanceof Double real)) {
            return number.toString();
        }
        if (real.isNaN() || real.isInfinite()) {
            return real.isNaN() ? "nan" : real > 0 ? "inf" : "-inf";
        }
        double size = Math.abs(real);
        if (size != 0 && (size < 1e-4 || size >= 1e16)) {
            String[] parts = Double.toString(real).split("E", -1);
            int power = Integer.parseInt(parts[1]);
            String digits = parts[0].endsWith(".0") ? parts[0].substring(0, parts[0].length() - 2) : parts[0];
            return digits + "e" + (power < 0 ? "-" : "+") + (Math.abs(power) < 10 ? "0" : "") + Math.abs(power);
        }
        String plain = new BigDecimal(Double.toString(real)).toPlainString();
        return plain.contains(".") ? plain : plain + ".0";
    }

    /** Returns JSON as Python's {@code json.dumps} writes it. */
    static String json(@Nullable Object value, int indent, boolean ascii, boolean sorted) {
        StringBuilder out = new StringBuilder();
        new Json(out, indent, ascii, sorted).write(value, 0);
        return out.toString();
    }

    /** Writes JSON. */
    private record Json(StringBuilder out, int indent, boolean ascii, boolean sorted) {
        void write(@Nullable Object value, int depth) {
            if (value == null) {
                out.append("null");
            } else if (value instanceof Boolean || value instanceof Long || value instanceof Integer) {
                out.append(value);
            } else if (value instanceof Number number) {
                out.append(number(number));
            } else if (value instanceof String text) {
                string(text);
            } else if (value instanceof List<?> list) {
                items(list, depth, '[', ']');
            } else if (value instanceof Map<?, ?> map) {
                Map<?, ?> ordered = sorted ? new java.util.TreeMap<>(map) : map;
                items(ordered.entrySet(), depth, '{', '}');
            } else {
                throw ChatTemplate.bad(0, "a " + kind(value) + " cannot be written as JSON");
            }
        }

        private void items(Collection<?> all, int depth, char open, char close) {
            out.append(open);
            String separator = indent > 0 ? "," : ", ";
            boolean first = true;
            for (Object each : all) {
                out.append(first ? "" : separator);
                first = false;
                line(depth + 1);
                if (each instanceof Map.Entry<?, ?> entry) {
                    string(text(entry.getKey()));
                    out.append(": ");
                    write(entry.getValue(), depth + 1);
                } else {
                    write(each, depth + 1);
                }
            }
            if (!first) {
                line(depth);
            }
            out.append(close);
        }

        private void line(int depth) {
            if (indent > 0) {
                out.append('\n').append(" ".repeat(indent * depth));
            }
        }

        private void string(String text) {
            out.append('"');
            text.chars().forEach(c -> {
                switch (c) {
                    case '"' -> out.append("\\\"");
                    case '\\' -> out.append("\\\\");
                    case '\n' -> out.append("\\n");
                    case '\r' -> out.append("\\r");
                    case '\t' -> out.append("\\t");
                    case '\b' -> out.append("\\b");
                    case '\f' -> out.append("\\f");
                    default -> {
                        if (c < 0x20 || (ascii && c > 0x7e)) {
                            out.append(String.format("\\u%04x", c));
                        } else {
                            out.append((char) c);
                        }
                    }
                }
            });
            out.append('"');
        }
    }

    /** Returns the number of letters, items or pairs. */
    static long length(@Nullable Object value) {
        if (value instanceof String text) {
            return text.codePointCount(0, text.length());
        }
        if (value instanceof List<?> list) {
            return list.size();
        }
        if (value instanceof Map<?, ?> map) {
            return map.size();
        }
        if (value instanceof Undefined) {
            return 0;
        }
        throw ChatTemplate.bad(0, "a " + kind(value) + " has no length");
    }

    /** Returns what a loop goes over. */
    static List<@Nullable Object> items(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return new ArrayList<>(list);
        }
        if (value instanceof Map<?, ?> map) {
            return new ArrayList<>(map.keySet());
        }
        if (value instanceof String text) {
            return text.codePoints()
                    .<@Nullable Object>mapToObj(Character::toString)
                    .toList();
        }
        if (value instanceof Undefined) {
            return List.of();
        }
        throw ChatTemplate.bad(0, "a " + kind(value) + " has no items to go over");
    }

    static boolean equal(@Nullable Object a, @Nullable Object b) {
        if (isNumber(a) && isNumber(b)) {
            return real(a) == real(b);
        }
        return Objects.equals(a, b);
    }

    static boolean isNumber(@Nullable Object value) {
        return value instanceof Number || value instanceof Boolean;
    }

    static double real(@Nullable Object value) {
        if (value instanceof Boolean truth) {
            return truth ? 1 : 0;
        }
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        throw ChatTemplate.bad(0, "expected a number but was a " + kind(value));
    }

    static long whole(@Nullable Object value) {
        if (value instanceof Boolean truth) {
            return truth ? 1 : 0;
        }
        if (value instanceof Long number) {
            return number;
        }
        throw ChatTemplate.bad(0, "expected a whole number but was a " + kind(value));
    }

    static boolean contains(@Nullable Object all, @Nullable Object one) {
        if (all instanceof String text) {
            return text.contains(string(one));
        }
        if (all instanceof Map<?, ?> map) {
            return map.containsKey(one);
        }
        return items(all).stream().anyMatch(each -> equal(each, one));
    }

    static String string(@Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw ChatTemplate.bad(0, "expected text but was a " + kind(value));
    }

    static int compare(@Nullable Object a, @Nullable Object b) {
        if (isNumber(a) && isNumber(b)) {
            return Double.compare(real(a), real(b));
        }
        if (a instanceof String first && b instanceof String second) {
            return first.compareTo(second);
        }
        throw ChatTemplate.bad(0, "a " + kind(a) + " and a " + kind(b) + " have no order");
    }

    /** Returns what a value is, for messages. */
    static String kind(@Nullable Object value) {
        if (value == null) {
            return "none";
        }
        if (value instanceof Undefined none) {
            return "name without a value, '" + none.name() + "'";
        }
        return value instanceof String
                ? "text"
                : isNumber(value)
                        ? "number"
                        : value instanceof List ? "list" : value instanceof Map ? "mapping" : "function";
    }
}
