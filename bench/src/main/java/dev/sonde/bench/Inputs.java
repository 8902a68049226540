package dev.sonde.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Token ids that all tools read.
 *
 * @param clean one prompt
 * @param corrupt one prompt of as many tokens
 * @param batch 8 prompts of 32 tokens
 * @param answer token whose logit counts for
 * @param foil token whose logit counts against
 */
record Inputs(List<List<Long>> clean, List<List<Long>> corrupt, List<List<Long>> batch, long answer, long foil) {
    static Inputs read(Path file) throws IOException {
        JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        JsonArray answers = json.getAsJsonArray("answers");
        return new Inputs(
                List.of(ids(json.get("clean"))),
                List.of(ids(json.get("corrupt"))),
                json.getAsJsonArray("batch_8x32").asList().stream()
                        .map(Inputs::ids)
                        .toList(),
                answers.get(0).getAsLong(),
                answers.get(1).getAsLong());
    }

    private static List<Long> ids(JsonElement array) {
        return array.getAsJsonArray().asList().stream()
                .map(JsonElement::getAsLong)
                .toList();
    }
}
