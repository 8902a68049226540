package dev.sonde.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Python's methods of text, mappings and lists, as far as they change nothing. */
final class Methods {
    private Methods() {}

    static @Nullable Object call(
            @Nullable Object of,
            String name,
            List<@Nullable Object> given,
            Map<String, @Nullable Object> named,
            Effort effort) {
        if (!named.isEmpty()) {
            throw ChatTemplate.bad(0, "'" + name + "' takes no arguments by name");
        }
        if (of instanceof String text) {
            return ofText(text, name, given, effort);
        }
        if (of instanceof Map<?, ?> map) {
            return ofMap(map, name, given);
        }
        if (of instanceof List<?> list && name.equals("index")) {
            return (long) list.indexOf(given.get(0));
        }
        if (of instanceof List<?> list && name.equals("count")) {
            return list.stream()
                    .filter(each -> Values.equal(each, given.get(0)))
                    .count();
        }
        throw unknown(of, name);
    }

    private static RuntimeException unknown(@Nullable Object of, String name) {
        return ChatTemplate.bad(0, "a " + Values.kind(of) + " has no method '" + name + "' that templates may call");
    }

    private static @Nullable Object ofMap(Map<?, ?> map, String name, List<@Nullable Object> given) {
        return switch (name) {
            case "keys" -> new ArrayList<@Nullable Object>(map.keySet());
            case "values" -> new ArrayList<@Nullable Object>(map.values());
            case "items" -> pairs(map);
            case "get" ->
                map.containsKey(given.get(0)) ? map.get(given.get(0)) : given.size() > 1 ? given.get(1) : null;
            default -> throw unknown(map, name);
        };
    }

    static List<@Nullable Object> pairs(Map<?, ?> map) {
        List<@Nullable Object> pairs = new ArrayList<>();
        map.forEach((key, value) -> {
            List<@Nullable Object> pair = new ArrayList<>();
            pair.add(key);
            pair.add(value);
            pairs.add(pair);
        });
        return pairs;
    }

    private static Object ofText(String text, String name, List<@Nullable Object> given, Effort effort) {
        return switch (name) {
            case "strip" -> strip(text, chars(given), true, true);
            case "lstrip" -> strip(text, chars(given), true, false);
            case "rstrip" -> strip(text, chars(given), false, true);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> title(text);
            case "capitalize" -> capitalized(text);
            case "startswith" -> any(given, text::startsWith);
            case "endswith" -> any(given, text::endsWith);
            case "removeprefix" ->
                text.startsWith(first(given)) ? text.substring(first(given).length()) : text;
            case "removesuffix" ->
                text.endsWith(first(given))
                        ? text.substring(0, text.length() - first(given).length())
                        : text;
            case "replace" -> replaced(text, given, effort);
            case "split" -> split(text, given, false);
            case "rsplit" -> split(text, given, true);
            case "splitlines" -> new ArrayList<@Nullable Object>(text.lines().toList());
            case "find" -> place(text, text.indexOf(first(given)));
            case "rfind" -> place(text, text.lastIndexOf(first(given)));
            case "count" -> (long) text.split(java.util.regex.Pattern.quote(first(given)), -1).length - 1;
            case "isdigit" -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
            case "isalpha" -> !text.isEmpty() && text.chars().allMatch(Character::isLetter);
            case "isspace" -> !text.isEmpty() && text.chars().allMatch(Character::isWhitespace);
            case "join" ->
                String.join(
                        text,
                        Values.items(given.get(0)).stream().map(Values::string).toList());
            default -> throw unknown(text, name);
        };
    }

    private static String first(List<@Nullable Object> given) {
        if (given.isEmpty()) {
            throw ChatTemplate.bad(0, "a method lacks its argument");
        }
        return Values.string(given.get(0));
    }

    private static long place(String text, int at) {
        return at < 0 ? -1 : text.codePointCount(0, at);
    }

    private static @Nullable String chars(List<@Nullable Object> given) {
        return given.isEmpty() || given.get(0) == null ? null : first(given);
    }

    private static boolean any(List<@Nullable Object> given, java.util.function.Predicate<String> test) {
        Object one = given.isEmpty() ? null : given.get(0);
        return one instanceof List<?> all
                ? all.stream().map(Values::string).anyMatch(test)
                : test.test(Values.string(one));
    }

    /** Takes letters away at the ends, blanks if none are named. */
    static String strip(String text, @Nullable String chars, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && goes(text.charAt(from), chars)) {
            from++;
        }
        while (right && to > from && goes(text.charAt(to - 1), chars)) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean goes(char c, @Nullable String chars) {
        return chars == null
                ? Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085'
                : chars.indexOf(c) >= 0;
    }

    static String capitalized(String text) {
        return text.isEmpty()
                ? text
                : text.substring(0, 1).toUpperCase(Locale.ROOT)
                        + text.substring(1).toLowerCase(Locale.ROOT);
    }

    static String title(String text) {
        StringBuilder out = new StringBuilder();
        boolean inside = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            out.append(inside ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inside = Character.isLetter(c);
        }
        return out.toString();
    }

    static String replaced(String text, List<@Nullable Object> given, Effort effort) {
        String from = first(given);
        String to = Values.string(given.get(1));
        long most = given.size() > 2 && given.get(2) != null ? Values.whole(given.get(2)) : -1;
        effort.size((long) text.length() * (to.length() + 1L));
        if (most < 0) {
            return text.replace(from, to);
        }
        StringBuilder out = new StringBuilder();
        int at = 0;
        for (long i = 0; i < most; i++) {
            int found = text.indexOf(from, at);
            if (found < 0 || from.isEmpty()) {
                break;
            }
            out.append(text, at, found).append(to);
            at = found + from.length();
        }
        return out.append(text.substring(at)).toString();
    }

    private static List<@Nullable Object> split(String text, List<@Nullable Object> given, boolean fromEnd) {
        long most = given.size() > 1 ? Values.whole(given.get(1)) : -1;
        List<@Nullable Object> parts = new ArrayList<>();
        if (given.isEmpty() || given.get(0) == null) {
            String[] words = strip(text, null, true, true).split("\\s+", most < 0 ? 0 : (int) most + 1);
            for (String word : words) {
                if (!word.isEmpty()) {
                    parts.add(word);
                }
            }
            return parts;
        }
        String by = first(given);
        if (by.isEmpty()) {
            throw ChatTemplate.bad(0, "text cannot be split at nothing");
        }
        String rest = text;
        int found = fromEnd ? rest.lastIndexOf(by) : rest.indexOf(by);
        while (found >= 0 && (most < 0 || parts.size() < most)) {
            if (fromEnd) {
                parts.add(0, rest.substring(found + by.length()));
                rest = rest.substring(0, found);
                found = rest.lastIndexOf(by);
            } else {
                parts.add(rest.substring(0, found));
                rest = rest.substring(found + by.length());
                found = rest.indexOf(by);
            }
        }
        parts.add(fromEnd ? 0 : parts.size(), rest);
        return parts;
    }
}
