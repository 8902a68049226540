package dev.sonde.cli.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One run of a case.
 *
 * @param id its name within the case
 * @param blocks prompts with their steps; one, unless they are batched
 * @param batched whether the blocks are rows of one forward pass, padded on the left
 * @param sweep values by variable, first variable slowest; no variables for a plain run
 * @param expect keys of expected tensors by the names that they are bound to
 * @param newTokens how many tokens are generated, 0 for a plain run
 * @param train what is trained and how, if anything is
 */
record CaseRun(
        String id,
        List<Block> blocks,
        boolean batched,
        Map<String, List<JsonElement>> sweep,
        Map<String, String> expect,
        int newTokens,
        Optional<JsonObject> train) {

    /**
     * A prompt and its steps.
     *
     * @param inputs keys of tensors by the names of the file's inputs
     * @param steps in execution order
     * @param expect keys of expected tensors by the names that they are bound to
     */
    record Block(Map<String, String> inputs, JsonArray steps, Map<String, String> expect) {
        static Block parse(JsonObject json) {
            JsonArray steps = json.has("steps") ? json.getAsJsonArray("steps") : new JsonArray();
            return new Block(Json.texts(json.get("inputs")), steps, Json.texts(json.get("expect")));
        }
    }

    static CaseRun parse(JsonObject json) {
        boolean batched = json.has("invokes");
        List<Block> blocks = batched
                ? Json.list(json.get("invokes"), each -> Block.parse(each.getAsJsonObject()))
                : List.of(Block.parse(json));
        Map<String, List<JsonElement>> sweep = new LinkedHashMap<>();
        if (json.has("sweep")) {
            json.getAsJsonObject("sweep")
                    .entrySet()
                    .forEach(e ->
                            sweep.put(e.getKey(), e.getValue().getAsJsonArray().asList()));
        }
        int newTokens = json.has("generate")
                ? json.getAsJsonObject("generate").get("max_new_tokens").getAsInt()
                : 0;
        return new CaseRun(
                json.get("id").getAsString(),
                blocks,
                batched,
                sweep,
                Json.texts(json.get("expect")),
                newTokens,
                Optional.ofNullable(json.getAsJsonObject("train")));
    }

    /** Returns the keys of all expected tensors of this run, those of its blocks included. */
    Map<String, String> expected() {
        Map<String, String> all = new LinkedHashMap<>(expect);
        if (batched) {
            blocks.forEach(block -> all.putAll(block.expect()));
        }
        return all;
    }
}
