package dev.sonde.chat;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a template can send a value through with {@code |}. */
final class Filters {
    private final Effort effort;

    Filters(Effort effort) {
        this.effort = effort;
    }

    @Nullable
    Object apply(
            String name, @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        return switch (name) {
            case "trim" ->
                Methods.strip(Values.text(value), given.isEmpty() ? null : Values.string(given.get(0)), true, true);
            case "upper" -> Values.text(value).toUpperCase(Locale.ROOT);
            case "lower" -> Values.text(value).toLowerCase(Locale.ROOT);
            case "capitalize" -> Methods.capitalized(Values.text(value));
            case "title" -> Methods.title(Values.text(value));
            case "string" -> Values.text(value);
            case "safe" -> value;
            case "length", "count" -> Values.length(value);
            case "int" -> toInt(value, argument(given, named, 0, "default", 0L));
            case "float" -> toFloat(value);
            case "abs" -> value instanceof Double real ? Math.abs(real) : (Object) Math.abs(Values.whole(value));
            case "default", "d" -> orElse(value, given, named);
            case "tojson" -> json(value, given, named);
            case "indent" -> indented(Values.text(value), given, named);
            case "replace" -> Methods.replaced(Values.text(value), given, effort);
            case "escape", "e" -> escaped(Values.text(value));
            default -> ofItems(name, value, given, named);
        };
    }

    private @Nullable Object ofItems(
            String name, @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        return switch (name) {
            case "list" -> Values.items(value);
            case "items" -> value instanceof Undefined ? List.of() : Methods.pairs(map(value));
            case "dictsort" -> sorted(Methods.pairs(map(value)), false, "0");
            case "first" -> end(value, true);
            case "last" -> end(value, false);
            case "reverse" -> reversed(value);
            case "join" -> joined(value, given, named);
            case "sort" ->
                sorted(
                        Values.items(value),
                        Values.isTrue(argument(given, named, 0, "reverse", false)),
                        argument(given, named, 2, "attribute", null));
            case "unique" -> new ArrayList<@Nullable Object>(new LinkedHashSet<>(Values.items(value)));
            case "sum" -> Values.items(value).stream().mapToLong(Values::whole).sum();
            case "min" -> sorted(Values.items(value), false, null).get(0);
            case "max" -> sorted(Values.items(value), true, null).get(0);
            case "map" -> mapped(value, given, named);
            case "select" -> kept(value, given, true, false);
            case "reject" -> kept(value, given, false, false);
            case "selectattr" -> kept(value, given, true, true);
            case "rejectattr" -> kept(value, given, false, true);
            default -> throw ChatTemplate.bad(0, "the filter '" + name + "' is not known");
        };
    }

    private static @Nullable Object argument(
            List<@Nullable Object> given,
            Map<String, @Nullable Object> named,
            int at,
            String name,
            @Nullable Object otherwise) {
        return named.containsKey(name) ? named.get(name) : at < given.size() ? given.get(at) : otherwise;
    }

    private static Map<?, ?> map(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw ChatTemplate.bad(0, "expected a mapping but was a " + Values.kind(value));
    }

    private static @Nullable Object orElse(
            @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        boolean falseToo = Values.isTrue(argument(given, named, 1, "boolean", false));
        boolean missing = value instanceof Undefined || (falseToo && !Values.isTrue(value));
        return missing ? argument(given, named, 0, "default_value", "") : value;
    }

    private static String json(
            @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        Object indent = argument(given, named, 1, "indent", null);
        if (indent == null && given.size() == 1) {
            indent = given.get(0) instanceof Long ? given.get(0) : null;
        }
        return Values.json(
                value,
                indent == null ? 0 : (int) Math.min(Values.whole(indent), 100),
                Values.isTrue(named.getOrDefault("ensure_ascii", false)),
                Values.isTrue(named.getOrDefault("sort_keys", false)));
    }

    private static Object toInt(@Nullable Object value, @Nullable Object otherwise) {
        if (value instanceof Number number) {
            return number.longValue();
        }
        try {
            return (long) Double.parseDouble(Values.text(value).trim());
        } catch (NumberFormatException e) {
            return otherwise == null ? 0L : otherwise;
        }
    }

    private static Object toFloat(@Nullable Object value) {
        try {
            return value instanceof Number number
                    ? number.doubleValue()
                    : Double.parseDouble(Values.text(value).trim());
        } catch (NumberFormatException e) {
            return 0.0;
        }
    }

    private String indented(String text, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        Object width = argument(given, named, 0, "width", 4L);
        String by = width instanceof String blanks ? blanks : " ".repeat(effort.size(Values.whole(width)));
        boolean first = Values.isTrue(argument(given, named, 1, "first", false));
        boolean blank = Values.isTrue(argument(given, named, 2, "blank", false));
        effort.size((long) text.length() * (by.length() + 1L));
        String[] lines = text.split("\n", -1);
        StringBuilder out = new StringBuilder(first ? by : "").append(lines[0]);
        for (int i = 1; i < lines.length; i++) {
            out.append('\n').append(blank || !lines[i].isEmpty() ? by : "").append(lines[i]);
        }
        return out.toString();
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }

    private static @Nullable Object end(@Nullable Object value, boolean first) {
        List<@Nullable Object> items = Values.items(value);
        return items.isEmpty() ? new Undefined(first ? "first" : "last") : items.get(first ? 0 : items.size() - 1);
    }

    private static Object reversed(@Nullable Object value) {
        if (value instanceof String text) {
            return new StringBuilder(text).reverse().toString();
        }
        List<@Nullable Object> items = new ArrayList<>(Values.items(value));
        java.util.Collections.reverse(items);
        return items;
    }

    private static String joined(
            @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        Object attribute = argument(given, named, 1, "attribute", null);
        return Values.items(value).stream()
                .map(each -> Values.text(attribute == null ? each : attribute(each, Values.text(attribute))))
                .collect(Collectors.joining(Values.text(argument(given, named, 0, "d", ""))));
    }

    private static @Nullable Object attribute(@Nullable Object of, String path) {
        Object value = of;
        for (String name : path.split("\\.", -1)) {
            if (value instanceof List<?> list && name.matches("\\d{1,9}")) {
                int at = Integer.parseInt(name);
                value = at < list.size() ? list.get(at) : new Undefined(name);
            } else {
                value = value instanceof Map<?, ?> map && map.containsKey(name) ? map.get(name) : new Undefined(name);
            }
        }
        return value;
    }

    private static List<@Nullable Object> sorted(
            List<@Nullable Object> items, boolean falling, @Nullable Object attribute) {
        List<@Nullable Object> sorted = new ArrayList<>(items);
        sorted.sort((a, b) -> {
            int order = Values.compare(key(a, attribute), key(b, attribute));
            return falling ? -order : order;
        });
        return sorted;
    }

    /** Text is in order whatever its case. */
    private static @Nullable Object key(@Nullable Object value, @Nullable Object attribute) {
        Object key = attribute == null ? value : attribute(value, Values.text(attribute));
        return key instanceof String text ? text.toLowerCase(Locale.ROOT) : key;
    }

    private List<@Nullable Object> mapped(
            @Nullable Object value, List<@Nullable Object> given, Map<String, @Nullable Object> named) {
        List<@Nullable Object> all = new ArrayList<>();
        for (Object each : Values.items(value)) {
            if (named.containsKey("attribute")) {
                Object part = attribute(each, Values.text(named.get("attribute")));
                all.add(part instanceof Undefined && named.containsKey("default") ? named.get("default") : part);
            } else {
                all.add(apply(Values.string(given.get(0)), each, given.subList(1, given.size()), Map.of()));
            }
        }
        return all;
    }

    private static List<@Nullable Object> kept(
            @Nullable Object value, List<@Nullable Object> given, boolean holding, boolean ofPart) {
        int from = ofPart ? 1 : 0;
        List<@Nullable Object> kept = new ArrayList<>();
        for (Object each : Values.items(value)) {
            Object looked = ofPart ? attribute(each, Values.text(given.get(0))) : each;
            boolean holds = given.size() <= from
                    ? Values.isTrue(looked)
                    : Checks.holds(Values.string(given.get(from)), looked, given.subList(from + 1, given.size()));
            if (holds == holding) {
                kept.add(each);
            }
        }
        return kept;
    }
}
