package dev.sonde.graph;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.GenerationOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The parts of generations in a graph's JSON. Numbers with a fraction are texts, so that equal graphs have equal bytes. */
final class GenerationJson {
    private GenerationJson() {}

    static JsonObject write(GenerationOptions options) {
        JsonObject json = new JsonObject();
        json.addProperty("max_new_tokens", options.maxNewTokens());
        json.addProperty("min_new_tokens", options.minNewTokens());
        json.addProperty("temperature", Double.toString(options.temperature()));
        json.addProperty("top_k", options.topK());
        json.addProperty("top_p", Double.toString(options.topP()));
        json.addProperty("min_p", Double.toString(options.minP()));
        json.addProperty("repetition_penalty", Double.toString(options.repetitionPenalty()));
        json.addProperty("seed", Long.toString(options.seed()));
        JsonArray tokens = new JsonArray();
        options.stopTokens().forEach(tokens::add);
        json.add("stop_tokens", tokens);
        JsonArray strings = new JsonArray();
        options.stopStrings().forEach(strings::add);
        json.add("stop_strings", strings);
        JsonObject bias = new JsonObject();
        options.logitBias().forEach((token, value) -> bias.addProperty(Long.toString(token), Double.toString(value)));
        json.add("logit_bias", bias);
        return json;
    }

    static GenerationOptions options(JsonObject json) {
        List<String> strings = new ArrayList<>();
        json.getAsJsonArray("stop_strings").forEach(each -> strings.add(each.getAsString()));
        Map<Long, Double> bias = new TreeMap<>();
        json.getAsJsonObject("logit_bias")
                .entrySet()
                .forEach(each -> bias.put(Long.valueOf(each.getKey()), number(each.getValue())));
        return new GenerationOptions(
                json.get("max_new_tokens").getAsInt(),
                json.get("min_new_tokens").getAsInt(),
                number(json.get("temperature")),
                json.get("top_k").getAsInt(),
                number(json.get("top_p")),
                number(json.get("min_p")),
                number(json.get("repetition_penalty")),
                Long.parseLong(json.get("seed").getAsString()),
                GraphFile.numbers(json.getAsJsonArray("stop_tokens")),
                strings,
                bias);
    }

    private static double number(JsonElement text) {
        return Double.parseDouble(text.getAsString());
    }

    static void write(RunInput.Steps steps, JsonObject json) {
        json.addProperty("generation", steps.generation());
        json.addProperty("rows", steps.rows());
        JsonArray ranges = new JsonArray();
        for (RunInput.Range range : steps.steps()) {
            JsonArray pair = new JsonArray();
            pair.add(range.from());
            pair.add(range.to());
            ranges.add(pair);
        }
        json.add("steps", ranges);
    }

    static RunInput.Steps steps(JsonObject json) {
        List<RunInput.Range> ranges = new ArrayList<>();
        json.getAsJsonArray("steps").forEach(each -> {
            JsonArray pair = each.getAsJsonArray();
            ranges.add(new RunInput.Range(pair.get(0).getAsLong(), pair.get(1).getAsLong()));
        });
        return new RunInput.Steps(
                json.get("generation").getAsInt(), json.get("rows").getAsInt(), ranges);
    }

    static boolean isNode(Node node) {
        return node instanceof Node.Carried || node instanceof Node.OverSteps || node instanceof Node.Generated;
    }

    static void write(Node node, JsonObject json) {
        if (node instanceof Node.Carried carried) {
            json.addProperty("op", "carried");
            json.addProperty("run", carried.run());
            json.addProperty("name", carried.name());
            json.addProperty("of", carried.initial());
        } else if (node instanceof Node.OverSteps over) {
            json.addProperty("op", "over_steps");
            json.addProperty("run", over.generation());
            JsonArray ids = new JsonArray();
            over.values().forEach(ids::add);
            json.add("of", ids);
        } else {
            Node.Generated generated = (Node.Generated) node;
            json.addProperty("op", "generated");
            json.addProperty("run", generated.generation());
            json.addProperty("part", generated.part().name().toLowerCase(Locale.ROOT));
        }
    }

    static Node node(String op, JsonObject json) {
        int run = json.get("run").getAsInt();
        return switch (op) {
            case "carried" ->
                new Node.Carried(
                        run, json.get("name").getAsString(), json.get("of").getAsInt());
            case "over_steps" -> new Node.OverSteps(run, GraphFile.ids(json.getAsJsonArray("of")));
            default ->
                new Node.Generated(
                        run,
                        Node.Generated.Part.valueOf(
                                json.get("part").getAsString().toUpperCase(Locale.ROOT)));
        };
    }

    /** Returns the index of the run that a node of a generation belongs to. */
    static int run(Node node) {
        return node instanceof Node.Carried carried
                ? carried.run()
                : node instanceof Node.OverSteps over ? over.generation() : ((Node.Generated) node).generation();
    }

    static boolean write(Effect effect, JsonObject json) {
        if (effect instanceof Effect.Choose choose) {
            json.addProperty("do", "choose");
            json.addProperty("logits", choose.logits());
            json.addProperty("log_sum_exp", choose.logSumExp());
        } else if (effect instanceof Effect.Carry carry) {
            json.addProperty("do", "carry");
            json.addProperty("name", carry.name());
            json.addProperty("value", carry.value());
        } else if (effect instanceof Effect.Finish finish) {
            json.addProperty("do", "finish");
            json.addProperty("condition", finish.condition());
        } else {
            return false;
        }
        return true;
    }

    static Effect effect(String kind, int run, JsonObject json) {
        return switch (kind) {
            case "choose" ->
                new Effect.Choose(
                        run,
                        json.get("logits").getAsInt(),
                        json.get("log_sum_exp").getAsInt());
            case "carry" ->
                new Effect.Carry(
                        run, json.get("name").getAsString(), json.get("value").getAsInt());
            case "finish" -> new Effect.Finish(run, json.get("condition").getAsInt());
            default -> throw new IllegalArgumentException("unknown effect '" + kind + "'");
        };
    }
}
