package dev.sonde.cli.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import dev.sonde.Selector;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Turns Python's subscripts into selectors by axis number. */
final class Slice {
    private static final Pattern INTEGER = Pattern.compile("-?\\d+");

    private Slice() {}

    /** Returns the selectors of a subscript with one entry per leading axis; none if it takes everything. */
    static List<Selector> selectors(@Nullable JsonElement slice) {
        List<Selector> selectors = new ArrayList<>();
        JsonArray entries = slice == null || slice.isJsonNull() ? new JsonArray() : slice.getAsJsonArray();
        for (int axis = 0; axis < entries.size(); axis++) {
            JsonElement entry = entries.get(axis);
            String name = Integer.toString(axis);
            if (entry.isJsonArray()) {
                selectors.add(Selector.indices(name, Json.list(entry, JsonElement::getAsLong)));
            } else if (INTEGER.matcher(entry.getAsString()).matches()) {
                selectors.add(Selector.index(name, entry.getAsLong()));
            } else if (!entry.getAsString().equals(":")) {
                selectors.add(stretch(name, entry.getAsString()));
            }
        }
        return selectors;
    }

    private static Selector stretch(String axis, String text) {
        String[] parts = text.split(":", -1);
        if (parts.length < 2 || parts.length > 3) {
            throw new SondeException("bad-suite", "Cannot read the slice '" + text + "': expected 'a:b' or 'a:b:step'");
        }
        return Selector.range(
                axis,
                number(parts[0], 0),
                number(parts[1], Long.MAX_VALUE),
                parts.length == 3 ? number(parts[2], 1) : 1);
    }

    private static long number(String text, long otherwise) {
        return text.isBlank() ? otherwise : Long.parseLong(text.strip());
    }
}
