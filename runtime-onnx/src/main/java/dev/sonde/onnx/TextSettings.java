package dev.sonde.onnx;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.sonde.SondeException;
import dev.sonde.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the files beside a model say about texts. A template is read when it is first asked for: one that cannot be read hinders
 * nobody who wants no chat.
 *
 * @param endTokens ids that end a text
 * @param template how conversations look
 */
record TextSettings(List<Long> endTokens, Supplier<Optional<ChatTemplate>> template) {
    private static final long LONGEST = 64 << 20;

    Optional<ChatTemplate> chatTemplate() {
        return template.get();
    }

    /**
     * Reads the files of a folder.
     *
     * @param encode makes ids of a text
     */
    static TextSettings read(Path folder, Function<String, long[]> encode) {
        JsonObject tokenizer = json(folder.resolve("tokenizer_config.json"));
        return new TextSettings(endTokens(folder, tokenizer, encode), () -> template(folder, tokenizer));
    }

    /** The first file that says which tokens end a text is believed, in Hugging Face's order. */
    private static List<Long> endTokens(Path folder, JsonObject tokenizer, Function<String, long[]> encode) {
        JsonObject config = json(folder.resolve("config.json"));
        JsonObject model = object(json(folder.resolve("genai_config.json")), "model");
        for (JsonObject place :
                List.of(json(folder.resolve("generation_config.json")), config, object(config, "text_config"), model)) {
            List<Long> ids = ids(place.get("eos_token_id"));
            if (!ids.isEmpty()) {
                return ids;
            }
        }
        String text = text(tokenizer.get("eos_token"));
        long[] ids = text.isEmpty() ? new long[0] : encode.apply(text);
        return ids.length == 1 ? List.of(ids[0]) : List.of();
    }

    private static List<Long> ids(@Nullable JsonElement value) {
        List<Long> ids = new ArrayList<>();
        if (value != null && value.isJsonArray()) {
            value.getAsJsonArray().forEach(each -> ids.addAll(ids(each)));
        } else if (value != null
                && value.isJsonPrimitive()
                && value.getAsJsonPrimitive().isNumber()) {
            ids.add(value.getAsLong());
        }
        return ids;
    }

    private static Optional<ChatTemplate> template(Path folder, JsonObject tokenizer) {
        String source = source(folder, tokenizer);
        return source.isEmpty()
                ? Optional.empty()
                : Optional.of(ChatTemplate.of(source, specialTokens(folder, tokenizer)));
    }

    private static String source(Path folder, JsonObject tokenizer) {
        Path file = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            return content(file);
        }
        JsonElement given = tokenizer.get("chat_template");
        if (given == null) {
            given = json(folder.resolve("chat_template.json")).get("chat_template");
        }
        if (given != null && given.isJsonArray()) {
            return given.getAsJsonArray().asList().stream()
                    .filter(each -> each.isJsonObject()
                            && text(each.getAsJsonObject().get("name")).equals("default"))
                    .map(each -> text(each.getAsJsonObject().get("template")))
                    .findFirst()
                    .orElse("");
        }
        return text(given);
    }

    private static Map<String, String> specialTokens(Path folder, JsonObject tokenizer) {
        Map<String, String> tokens = new TreeMap<>();
        for (JsonObject place : List.of(json(folder.resolve("special_tokens_map.json")), tokenizer)) {
            place.entrySet().stream()
                    .filter(each -> each.getKey().endsWith("_token")
                            && !text(each.getValue()).isEmpty())
                    .forEach(each -> tokens.put(each.getKey(), text(each.getValue())));
        }
        return tokens;
    }

    /** A text, or the content of an added token. */
    private static String text(@Nullable JsonElement value) {
        if (value != null && value.isJsonObject()) {
            return text(value.getAsJsonObject().get("content"));
        }
        return value instanceof JsonPrimitive text && text.isString() ? text.getAsString() : "";
    }

    private static JsonObject object(JsonObject from, String name) {
        JsonElement found = from.get(name);
        return found != null && found.isJsonObject() ? found.getAsJsonObject() : new JsonObject();
    }

    /** An absent file says nothing. */
    private static JsonObject json(Path file) {
        if (!Files.isRegularFile(file)) {
            return new JsonObject();
        }
        try {
            JsonElement json = JsonParser.parseString(content(file));
            return json.isJsonObject() ? json.getAsJsonObject() : new JsonObject();
        } catch (JsonParseException | StackOverflowError e) {
            throw new SondeException("bad-tokenizer", "'" + file + "' is no JSON: " + e.getMessage(), e);
        }
    }

    private static String content(Path file) {
        try {
            if (Files.size(file) > LONGEST) {
                throw new IOException("more than " + LONGEST + " bytes");
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new SondeException("bad-tokenizer", "'" + file + "' cannot be read: " + e.getMessage(), e);
        }
    }
}
