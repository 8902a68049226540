package dev.sonde.onnx;

import static dev.sonde.Selector.last;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Generation in the layouts of onnxruntime-genai and optimum, held to what PyTorch generates, plain and edited. */
class LayoutsTest {
    private static final int STEPS = 8;
    private static final GenerationOptions OPTIONS =
            GenerationOptions.builder().maxNewTokens(STEPS).stopTokens().build();

    private static Path folder(String name) {
        return TestModels.root().resolve("layouts").resolve(name);
    }

    private static JsonObject reference(String name) throws IOException {
        return JsonParser.parseString(Files.readString(folder(name).resolve("reference.json")))
                .getAsJsonObject();
    }

    private static List<List<Long>> longs(JsonElement rows) {
        List<List<Long>> all = new ArrayList<>();
        for (JsonElement row : rows.getAsJsonArray()) {
            all.add(row.getAsJsonArray().asList().stream()
                    .map(JsonElement::getAsLong)
                    .toList());
        }
        return all;
    }

    private static void collect(JsonElement from, List<Float> numbers) {
        if (from.isJsonArray()) {
            from.getAsJsonArray().forEach(each -> collect(each, numbers));
        } else {
            numbers.add(from.getAsFloat());
        }
    }

    private static Tensor floats(JsonElement from, long... shape) {
        List<Float> all = new ArrayList<>();
        collect(from, all);
        float[] numbers = new float[all.size()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = all.get(i);
        }
        return Tensor.of(numbers, shape);
    }

    private static Generation generate(OnnxModel model, RunInput input, String site, Tensor vector) {
        return model.session(s -> s.generate(input, OPTIONS, g -> {
            if (!site.isEmpty()) {
                g.every(t -> t.update(Site.of(site), v -> v.plus(s.constant(vector))));
            }
            g.every(t -> t.keep("logits", t.get("logits").at(last())));
        }));
    }

    private static void check(Generation found, int row, JsonObject expected, int expectedRow) {
        assertThat(found.value().rows().get(row).ids())
                .isEqualTo(longs(expected.get("tokens")).get(expectedRow));
        Tensor logits = found.kept("logits").tensor();
        JsonArray steps = expected.getAsJsonArray("logits").get(expectedRow).getAsJsonArray();
        for (int step = 0; step < STEPS; step++) {
            JsonArray numbers = steps.get(step).getAsJsonArray();
            for (int i = 0; i < numbers.size(); i++) {
                assertThat(logits.at(step, row, i)).isCloseTo(numbers.get(i).getAsDouble(), within(1e-4));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"genai,''", "genai,layers.0#resid_post", "merged,''", "merged,layers.0#resid_post"})
    void decodersGenerateWhatPyTorchDoes(String layout, String site) throws IOException {
        JsonObject all = reference(layout);
        JsonObject expected = all.getAsJsonObject(site.isEmpty() ? "plain" : "steered");
        Tensor vector = floats(all.get("vector"), 32);
        List<List<Long>> rows = longs(all.get("rows"));
        try (OnnxModel model = OnnxModel.open(folder(layout))) {
            for (int row = 0; row < rows.size(); row++) {
                check(generate(model, Input.rows(List.of(rows.get(row))), site, vector), 0, expected, row);
            }
            Generation together = generate(model, Input.rows(rows), site, vector);
            for (int row = 0; row < rows.size(); row++) {
                check(together, row, expected, row);
            }
        }
    }

    /** The encoder runs once, as a model of its own; its states are an input of every step of the decoder. */
    @ParameterizedTest
    @CsvSource({
        "t5,encoder.block.0#output,decoder.block.0#output",
        "whisper,encoder.layers.0#output,model.decoder.layers.0#output"
    })
    void anEncoderAndADecoderGenerateWhatPyTorchDoes(String name, String inEncoder, String inDecoder)
            throws IOException {
        JsonObject all = reference(name);
        Tensor vector = floats(all.get("vector"), 32);
        try (OnnxModel encoder = OnnxModel.open(folder(name).resolve("encoder_model.onnx"));
                OnnxModel decoder = OnnxModel.open(folder(name).resolve("decoder_model.onnx"))) {
            for (String edited : List.of("plain", "encoder", "decoder", "both")) {
                Map<String, Tensor> inputs = inputs(all);
                boolean first = edited.equals("encoder") || edited.equals("both");
                Tensor states = encoder.session(s -> s.run(Input.tensors(inputs), t -> {
                                    if (first) {
                                        t.update(Site.of(inEncoder), v -> v.plus(s.constant(vector)));
                                    }
                                })
                                .get("last_hidden_state")
                                .save())
                        .value();
                boolean second = edited.equals("decoder") || edited.equals("both");
                Map<String, Tensor> given = inputs.containsKey("attention_mask")
                        ? Map.of(
                                "encoder_hidden_states", states, "encoder_attention_mask", inputs.get("attention_mask"))
                        : Map.of("encoder_hidden_states", states);
                int rows = (int) states.size(0);
                RunInput start = new RunInput.Tokens(
                        Collections.nCopies(rows, List.of(all.get("start").getAsLong())), List.of(), given);
                Generation found = generate(decoder, start, second ? inDecoder : "", vector);
                for (int row = 0; row < rows; row++) {
                    check(found, row, all.getAsJsonObject(edited), row);
                }
            }
        }
    }

    private static Map<String, Tensor> inputs(JsonObject all) {
        if (all.has("input_features")) {
            JsonArray features = all.getAsJsonArray("input_features");
            return Map.of("input_features", floats(features, features.size(), 8, 20));
        }
        return Map.of("input_ids", ids(all.get("input_ids")), "attention_mask", ids(all.get("attention_mask")));
    }

    private static Tensor ids(JsonElement rows) {
        List<List<Long>> all = longs(rows);
        return Tensor.of(
                all.stream().flatMap(List::stream).mapToLong(Long::longValue).toArray(),
                all.size(),
                all.get(0).size());
    }
}
