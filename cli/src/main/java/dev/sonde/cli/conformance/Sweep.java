package dev.sonde.cli.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The cells of a sweep: the Cartesian product of its variables' values, first variable slowest. */
final class Sweep {
    private static final Pattern VARIABLE = Pattern.compile("\\{(\\w+)(?:\\.(\\w+))?\\}");

    private Sweep() {}

    /** Returns the values of the variables, cell by cell; one cell without values if there are no variables. */
    static List<Map<String, JsonElement>> cells(Map<String, List<JsonElement>> variables) {
        List<Map<String, JsonElement>> cells = List.of(Map.of());
        for (Map.Entry<String, List<JsonElement>> variable : variables.entrySet()) {
            List<Map<String, JsonElement>> longer = new ArrayList<>();
            for (Map<String, JsonElement> cell : cells) {
                for (JsonElement value : variable.getValue()) {
                    Map<String, JsonElement> extended = new LinkedHashMap<>(cell);
                    extended.put(variable.getKey(), value);
                    longer.add(extended);
                }
            }
            cells = longer;
        }
        return cells;
    }

    /** Returns a copy of {@code json} with the variables in its texts replaced by the values of one cell. */
    static JsonElement substitute(JsonElement json, Map<String, JsonElement> cell) {
        if (json.isJsonArray()) {
            JsonArray array = new JsonArray();
            json.getAsJsonArray().forEach(each -> array.add(substitute(each, cell)));
            return array;
        }
        if (json.isJsonObject()) {
            JsonObject object = new JsonObject();
            json.getAsJsonObject().entrySet().forEach(e -> object.add(e.getKey(), substitute(e.getValue(), cell)));
            return object;
        }
        if (json.isJsonPrimitive() && json.getAsJsonPrimitive().isString()) {
            String text = VARIABLE.matcher(json.getAsString())
                    .replaceAll(found -> Matcher.quoteReplacement(value(found, cell)));
            return new JsonPrimitive(text);
        }
        return json;
    }

    private static String value(MatchResult found, Map<String, JsonElement> cell) {
        JsonElement value = cell.get(found.group(1));
        if (value != null && found.group(2) != null) {
            value = value.getAsJsonObject().get(found.group(2));
        }
        if (value == null) {
            throw new SondeException(
                    "bad-suite", "A sweep over " + cell.keySet() + " has no value for '" + found.group() + "'");
        }
        return value.getAsString();
    }
}
