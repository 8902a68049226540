package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads lists and maps that may be left out. */
final class Json {
    private Json() {}

    static <T> List<T> list(@Nullable JsonElement array, Function<JsonElement, T> each) {
        List<T> items = new ArrayList<>();
        if (array != null && !array.isJsonNull()) {
            array.getAsJsonArray().forEach(element -> items.add(each.apply(element)));
        }
        return items;
    }

    static Map<String, String> texts(@Nullable JsonElement object) {
        Map<String, String> texts = new LinkedHashMap<>();
        if (object != null && !object.isJsonNull()) {
            object.getAsJsonObject()
                    .entrySet()
                    .forEach(e -> texts.put(e.getKey(), e.getValue().getAsString()));
        }
        return texts;
    }
}
