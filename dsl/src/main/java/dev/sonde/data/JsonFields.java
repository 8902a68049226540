package dev.sonde.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the fields of a row from a JSON object. */
final class JsonFields {
    private JsonFields() {}

    static Map<String, Object> of(String text, String where) {
        try {
            JsonObject object = JsonParser.parseString(text).getAsJsonObject();
            Map<String, Object> fields = new LinkedHashMap<>();
            object.entrySet().stream()
                    .filter(field -> !field.getValue().isJsonNull())
                    .forEach(field -> fields.put(field.getKey(), value(field.getValue())));
            return fields;
        } catch (JsonParseException | IllegalStateException | StackOverflowError e) {
            throw new SondeException(
                    "bad-dataset", "Expected a JSON object in " + where + " but was: " + head(text), e);
        }
    }

    private static Object value(JsonElement element) {
        if (element instanceof JsonArray array) {
            List<Object> values = new ArrayList<>();
            array.forEach(each -> values.add(value(each)));
            return values;
        }
        return element.isJsonPrimitive() ? element.getAsString() : element.toString();
    }

    private static String head(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }
}
