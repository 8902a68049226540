package dev.sonde.data;

import dev.sonde.Input;
import dev.sonde.SondeException;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.NearestNames;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One row of a data set: named fields, each a text, a number, a truth value or a list. Immutable. */
public final class Row {
    /** The field that holds a prompt where nothing else is said. */
    public static final String TEXT = "text";

    /** The field that holds token ids in place of a prompt. */
    public static final String IDS = "ids";

    private static final Pattern HOLE = Pattern.compile("\\{\\{|}}|\\{([^{}]+)}");

    private final long index;
    private final String where;
    private final Map<String, Object> fields;

    Row(long index, String where, Map<String, ?> fields) {
        this.index = index;
        this.where = where;
        this.fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    }

    /** Returns the row's number, counted from 0. */
    public long index() {
        return index;
    }

    /** Returns the names of the fields. */
    public Set<String> fields() {
        return fields.keySet();
    }

    /** Returns whether there is a field of that name. */
    public boolean has(String field) {
        return fields.containsKey(field);
    }

    /**
     * Returns a field as text.
     *
     * @throws SondeException {@code unknown-field} with the nearest names if there is none
     */
    public String text(String field) {
        return get(field).toString();
    }

    /**
     * Returns a field as a number.
     *
     * @throws SondeException {@code unknown-field} if there is none, {@code wrong-field} if it is no number
     */
    public double number(String field) {
        try {
            return Double.parseDouble(text(field).strip());
        } catch (NumberFormatException e) {
            throw wrong(field, "a number", e);
        }
    }

    /**
     * Returns a field as a whole number.
     *
     * @throws SondeException {@code unknown-field} if there is none, {@code wrong-field} if it is no whole number
     */
    public long whole(String field) {
        try {
            return Long.parseLong(text(field).strip());
        } catch (NumberFormatException e) {
            throw wrong(field, "a whole number", e);
        }
    }

    /**
     * Returns a field as token ids: a list of whole numbers, or a text of them with spaces or commas between.
     *
     * @throws SondeException {@code unknown-field} if there is none, {@code wrong-field} if it is something else
     */
    public long[] ids(String field) {
        Object value = get(field);
        List<?> parts = value instanceof List<?> list
                ? list
                : List.of(value.toString().strip().split("[\\s,]+"));
        try {
            return parts.stream()
                    .map(Object::toString)
                    .mapToLong(Long::parseLong)
                    .toArray();
        } catch (NumberFormatException e) {
            throw wrong(field, "token ids", e);
        }
    }

    /**
     * Returns a template with each <code>{field}</code> replaced by that field; <code>{{</code> and <code>}}</code> are braces.
     *
     * @throws SondeException {@code unknown-field} with the nearest names if the template names a field that is not there
     */
    public String fill(String template) {
        Matcher holes = HOLE.matcher(template);
        StringBuilder filled = new StringBuilder();
        while (holes.find()) {
            String field = holes.group(1);
            String put = field == null ? holes.group().substring(1) : text(field);
            holes.appendReplacement(filled, Matcher.quoteReplacement(put));
        }
        return holes.appendTail(filled).toString();
    }

    /** Returns this row with one more field. */
    Row with(String field, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(fields);
        more.put(field, value);
        return new Row(index, where, more);
    }

    Row at(long newIndex) {
        return new Row(newIndex, where, fields);
    }

    /** Returns what this row gives a run: its token ids if it has some, else its prompt. */
    RunInput input(java.util.function.Function<String, long[]> encode) {
        if (has(IDS)) {
            return Input.ids(ids(IDS));
        }
        String field = fields.size() == 1 ? fields.keySet().iterator().next() : TEXT;
        return Input.ids(encode.apply(text(field)));
    }

    private Object get(String field) {
        @Nullable Object value = fields.get(field);
        if (value == null) {
            throw new SondeException(
                    "unknown-field",
                    "No field '" + field + "' in " + this + ", which has " + fields.keySet() + "."
                            + NearestNames.didYouMean(field, fields.keySet()));
        }
        return value;
    }

    private SondeException wrong(String field, String expected, RuntimeException cause) {
        return new SondeException(
                "wrong-field",
                "Field '" + field + "' of " + this + ": expected " + expected + " but was '" + text(field) + "'",
                cause);
    }

    /** Returns {@code row 17 (prompts.csv, line 19)}. */
    @Override
    public String toString() {
        return "row " + index + (where.isEmpty() ? "" : " (" + where + ")");
    }
}
