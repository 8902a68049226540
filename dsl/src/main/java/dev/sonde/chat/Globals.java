package dev.sonde.chat;

import dev.sonde.SondeException;
import dev.sonde.chat.Values.Function;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The functions that every template has. */
final class Globals {
    private Globals() {}

    /** A mapping whose parts templates may set. */
    static final class Namespace extends LinkedHashMap<String, @Nullable Object> {
        private static final long serialVersionUID = 1L;
    }

    static void into(Scope scope, Effort effort) {
        scope.set("range", (Function) (plain, named) -> range(plain, effort));
        scope.set("namespace", (Function) (plain, named) -> space(plain, named));
        scope.set("dict", (Function) (plain, named) -> space(plain, named));
        scope.set("raise_exception", (Function) (plain, named) -> {
            throw new SondeException(
                    "chat-refused",
                    "The model's chat template refuses this conversation: "
                            + (plain.isEmpty() ? "" : Values.text(plain.get(0))));
        });
        scope.set("strftime_now", (Function) (plain, named) -> now(Values.string(plain.get(0))));
    }

    private static Namespace space(List<@Nullable Object> plain, Map<String, @Nullable Object> named) {
        Namespace space = new Namespace();
        for (Object each : plain) {
            if (each instanceof Map<?, ?> map) {
                map.forEach((key, value) -> space.put(Values.text(key), value));
            }
        }
        space.putAll(named);
        return space;
    }

    private static List<@Nullable Object> range(List<@Nullable Object> given, Effort effort) {
        long from = given.size() > 1 ? Values.whole(given.get(0)) : 0;
        long to = Values.whole(given.get(given.size() > 1 ? 1 : 0));
        long step = given.size() > 2 ? Values.whole(given.get(2)) : 1;
        if (step == 0) {
            throw ChatTemplate.bad(0, "the step of a range is 0");
        }
        List<@Nullable Object> all = new ArrayList<>();
        for (long i = from; step > 0 ? i < to : i > to; i += step) {
            effort.step();
            all.add(i);
        }
        return all;
    }

    /** Returns the time now, in the form of C's {@code strftime}. */
    private static String now(String form) {
        LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < form.length(); i++) {
            char c = form.charAt(i);
            if (c != '%' || i + 1 == form.length()) {
                out.append(c);
                continue;
            }
            char field = form.charAt(++i);
            String pattern = pattern(field);
            out.append(
                    pattern.isEmpty()
                            ? Character.toString(field)
                            : now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH)));
        }
        return out.toString();
    }

    private static String pattern(char field) {
        return switch (field) {
            case 'Y' -> "yyyy";
            case 'y' -> "yy";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'B' -> "MMMM";
            case 'b' -> "MMM";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'j' -> "DDD";
            case '%' -> "";
            default -> throw ChatTemplate.bad(0, "the time's field '%" + field + "' is not known");
        };
    }
}
