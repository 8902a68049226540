package dev.sonde.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Token ids and vectors that all tools read.
 *
 * @param clean one prompt
 * @param corrupt one prompt of as many tokens
 * @param batch 8 prompts of 32 tokens
 * @param large 32 prompts of 128 tokens
 * @param prompts 64 prompts of 32 tokens
 * @param answer token whose logit counts for
 * @param foil token whose logit counts against
 * @param steer vector to be added behind layer {@code steerLayer}
 * @param steerLayer where
 * @param tiny one prompt for the tiny model
 * @param tinySteer vector for the tiny model
 * @param x what the perceptron is given, one row
 */
record Inputs(
        List<List<Long>> clean,
        List<List<Long>> corrupt,
        List<List<Long>> batch,
        List<List<Long>> large,
        List<List<Long>> prompts,
        long answer,
        long foil,
        Tensor steer,
        int steerLayer,
        List<List<Long>> tiny,
        Tensor tinySteer,
        Tensor x) {
    static Inputs read(Path file) throws IOException {
        JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        JsonArray answers = json.getAsJsonArray("answers");
        return new Inputs(
                List.of(ids(json.get("clean"))),
                List.of(ids(json.get("corrupt"))),
                rows(json.get("batch_8x32")),
                rows(json.get("batch_32x128")),
                rows(json.get("prompts_64x32")),
                answers.get(0).getAsLong(),
                answers.get(1).getAsLong(),
                Tensor.of(numbers(json.get("steer"), json.get("steer_scale").getAsFloat())),
                json.get("steer_layer").getAsInt(),
                rows(json.get("tiny_1x15")),
                Tensor.of(numbers(json.get("tiny_steer"), 1)),
                row(numbers(json.get("mlp_x").getAsJsonArray().get(0), 1)));
    }

    private static Tensor row(float... numbers) {
        return Tensor.of(numbers, 1, numbers.length);
    }

    private static List<List<Long>> rows(JsonElement array) {
        return array.getAsJsonArray().asList().stream().map(Inputs::ids).toList();
    }

    private static List<Long> ids(JsonElement array) {
        return array.getAsJsonArray().asList().stream()
                .map(JsonElement::getAsLong)
                .toList();
    }

    private static float[] numbers(JsonElement array, float scale) {
        List<JsonElement> all = array.getAsJsonArray().asList();
        float[] numbers = new float[all.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = all.get(i).getAsFloat() * scale;
        }
        return numbers;
    }
}
