package dev.sonde.onnx.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.GenerationOptions;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tokens are as likely as transformers' logits processors make them, and are drawn as often. */
class TokenChoiceTest {
    private static GenerationOptions options(JsonObject given, long seed) {
        GenerationOptions.Builder options = GenerationOptions.builder()
                .temperature(given.get("temperature").getAsDouble())
                .topK(given.get("topK").getAsInt())
                .topP(given.get("topP").getAsDouble())
                .minP(given.get("minP").getAsDouble())
                .repetitionPenalty(given.get("repetitionPenalty").getAsDouble())
                .minNewTokens(given.get("minNewTokens").getAsInt())
                .stopTokens(longs(given.get("stopTokens")).stream()
                        .mapToLong(Long::longValue)
                        .toArray())
                .seed(seed);
        given.getAsJsonObject("logitBias")
                .entrySet()
                .forEach(bias -> options.logitBias(
                        Long.parseLong(bias.getKey()), bias.getValue().getAsDouble()));
        return options.maxNewTokens(20).build();
    }

    private static List<Long> longs(JsonElement list) {
        return list.getAsJsonArray().asList().stream()
                .map(JsonElement::getAsLong)
                .toList();
    }

    private static float[] floats(JsonElement list) {
        List<JsonElement> all = list.getAsJsonArray().asList();
        float[] numbers = new float[all.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = all.get(i).getAsFloat();
        }
        return numbers;
    }

    @Test
    void probabilitiesAreThoseOfTransformers() throws IOException {
        for (JsonElement each : JsonParser.parseString(
                        Files.readString(TestModels.root().resolve("layouts").resolve("choices.json")))
                .getAsJsonArray()) {
            JsonObject one = each.getAsJsonObject();
            TokenChoice choice = new TokenChoice(options(one.getAsJsonObject("options"), 0));
            float[] logits = floats(one.get("logits"));
            List<Long> tokens = longs(one.get("tokens"));
            choice.process(logits, tokens, tokens.size() - one.get("prompt").getAsInt());
            double[] found = choice.probabilities(logits);
            float[] expected = floats(one.get("probabilities"));
            for (int i = 0; i < expected.length; i++) {
                assertThat(found[i]).as("%s, token %d", one, i).isCloseTo(expected[i], within(1e-5));
            }
        }
    }

    @Test
    void tokensAreDrawnAsOftenAsTheyAreLikely() {
        float[] logits = {0.5f, 2, -1, 1, 0, -3};
        double[] expected = TokenChoice.softmax(logits);
        int draws = 20_000;
        int[] counts = new int[logits.length];
        for (int i = 0; i < draws; i++) {
            GenerationOptions options =
                    GenerationOptions.builder().temperature(1).seed(i / 100).build();
            counts[new TokenChoice(options).choose(logits.clone(), List.of(0L), 1, i % 100)]++;
        }
        for (int i = 0; i < counts.length; i++) {
            double sigma = Math.sqrt(expected[i] * (1 - expected[i]) / draws);
            assertThat((double) counts[i] / draws).isCloseTo(expected[i], within(4.5 * sigma));
        }
    }
}
