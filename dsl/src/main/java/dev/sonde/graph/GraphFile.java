package dev.sonde.graph;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The file form of a graph: one safetensors file with the constants as tensors {@code t0, t1, ...} and the graph as
 * canonical JSON in the metadata key {@code sonde.graph}. {@code docs/graph-format.md} describes it.
 */
public final class GraphFile {
    /** The version that this code writes, and the newest that it reads. */
    public static final int VERSION = 1;

    private static final String KEY = "sonde.graph";

    private GraphFile() {}

    /**
     * Returns the file's bytes, the same for equal graphs.
     *
     * @throws SondeException {@code not-portable} if a value is computed by Java code
     */
    public static byte[] write(InterventionGraph graph) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        JsonObject json = new JsonObject();
        json.addProperty("version", VERSION);
        json.addProperty("model", graph.model());
        JsonArray runs = new JsonArray();
        graph.runs().forEach(run -> runs.add(run(run, tensors)));
        json.add("runs", runs);
        JsonArray nodes = new JsonArray();
        graph.nodes().forEach(node -> nodes.add(node(node, tensors)));
        json.add("nodes", nodes);
        JsonArray effects = new JsonArray();
        graph.effects().forEach(effect -> effects.add(effect(effect)));
        json.add("effects", effects);
        JsonObject saves = new JsonObject();
        graph.saves().forEach(saves::addProperty);
        json.add("saves", saves);
        return new Safetensors(tensors, Map.of(KEY, json.toString())).toBytes();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param where what to call the bytes in errors, such as a file name
     * @throws SondeException {@code bad-graph} if they hold no graph; {@code newer-graph}, with both versions, if they were
     *     written by a newer Sonde
     */
    public static InterventionGraph read(ByteBuffer bytes, String where) {
        Safetensors file = Safetensors.read(bytes, where);
        try {
            String text = file.metadata().get(KEY);
            if (text == null) {
                throw new IllegalArgumentException("it has no metadata '" + KEY + "'");
            }
            JsonObject json = JsonParser.parseString(text).getAsJsonObject();
            int version = json.get("version").getAsInt();
            if (version > VERSION) {
                throw new SondeException(
                        "newer-graph",
                        "'" + where + "' is a graph of version " + version + " but this Sonde reads versions up to "
                                + VERSION);
            }
            return graph(json, file.tensors());
        } catch (JsonParseException
                | IllegalStateException
                | IllegalArgumentException
                | NullPointerException
                | ClassCastException
                | IndexOutOfBoundsException
                | UnsupportedOperationException
                | StackOverflowError e) {
            throw new SondeException("bad-graph", "'" + where + "' holds no intervention graph: " + e.getMessage(), e);
        }
    }

    private static InterventionGraph graph(JsonObject json, Map<String, Tensor> tensors) {
        List<RunInput> runs = new ArrayList<>();
        json.getAsJsonArray("runs").forEach(each -> runs.add(run(each.getAsJsonObject(), tensors)));
        List<Node> nodes = new ArrayList<>();
        for (JsonElement each : json.getAsJsonArray("nodes")) {
            Node node = node(each.getAsJsonObject(), tensors);
            node.inputs().forEach(id -> check("value", id, nodes.size()));
            nodes.add(node);
        }
        List<Effect> effects = new ArrayList<>();
        for (JsonElement each : json.getAsJsonArray("effects")) {
            Effect effect = effect(each.getAsJsonObject());
            check("run", effect.run(), runs.size());
            effect.inputs().forEach(id -> check("value", id, nodes.size()));
            effects.add(effect);
        }
        for (Node node : nodes) {
            if (node instanceof Node.Read read) {
                check("run", read.run(), runs.size());
            } else if (node instanceof Node.Call call) {
                check("run", call.run(), runs.size());
            } else if (GenerationJson.isNode(node)) {
                check("run", GenerationJson.run(node), runs.size());
            }
        }
        Map<String, Integer> saves = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> each : json.getAsJsonObject("saves").entrySet()) {
            int id = each.getValue().getAsInt();
            check("value", id, nodes.size());
            saves.put(each.getKey(), id);
        }
        return new InterventionGraph(json.get("model").getAsString(), runs, nodes, effects, saves);
    }

    private static void check(String what, int id, int count) {
        if (id < 0 || id >= count) {
            throw new IllegalArgumentException(what + " " + id + " does not exist there; there are " + count);
        }
    }

    private static String keep(Tensor tensor, Map<String, Tensor> tensors) {
        String key = "t" + tensors.size();
        tensors.put(key, tensor);
        return key;
    }

    private static Tensor tensor(JsonElement key, Map<String, Tensor> tensors) {
        Tensor tensor = tensors.get(key.getAsString());
        if (tensor == null) {
            throw new IllegalArgumentException("tensor '" + key.getAsString() + "' is missing");
        }
        return tensor;
    }

    private static JsonObject run(RunInput input, Map<String, Tensor> tensors) {
        JsonObject json = new JsonObject();
        if (input instanceof RunInput.Generation generation) {
            json = run(generation.prompt(), tensors);
            json.add("generate", GenerationJson.write(generation.options()));
            return json;
        }
        if (input instanceof RunInput.Steps steps) {
            GenerationJson.write(steps, json);
            return json;
        }
        Map<String, Tensor> given;
        if (input instanceof RunInput.Tokens tokens) {
            json.add("ids", lists(tokens.ids()));
            JsonArray texts = new JsonArray();
            tokens.texts().forEach(texts::add);
            json.add("texts", texts);
            given = tokens.extra();
        } else {
            given = ((RunInput.Tensors) input).tensors();
        }
        JsonObject map = new JsonObject();
        new TreeMap<>(given).forEach((name, tensor) -> map.addProperty(name, keep(tensor, tensors)));
        json.add("tensors", map);
        return json;
    }

    private static RunInput run(JsonObject json, Map<String, Tensor> tensors) {
        if (json.has("steps")) {
            return GenerationJson.steps(json);
        }
        Map<String, Tensor> given = new LinkedHashMap<>();
        json.getAsJsonObject("tensors").entrySet().forEach(e -> given.put(e.getKey(), tensor(e.getValue(), tensors)));
        if (!json.has("ids")) {
            return new RunInput.Tensors(given);
        }
        List<String> texts = new ArrayList<>();
        json.getAsJsonArray("texts").forEach(each -> texts.add(each.getAsString()));
        List<List<Long>> ids = lists(json.getAsJsonArray("ids"));
        if (ids.isEmpty() || ids.stream().anyMatch(List::isEmpty)) {
            throw new IllegalArgumentException("a run needs at least one row of at least one token");
        }
        RunInput.Tokens tokens = new RunInput.Tokens(ids, texts, given);
        return json.has("generate")
                ? new RunInput.Generation(tokens, GenerationJson.options(json.getAsJsonObject("generate")))
                : tokens;
    }

    private static JsonObject node(Node node, Map<String, Tensor> tensors) {
        JsonObject json = new JsonObject();
        if (node instanceof Node.Read read) {
            json.addProperty("op", "read");
            json.addProperty("run", read.run());
            json.addProperty("site", read.site());
            json.addProperty("version", read.version());
        } else if (node instanceof Node.Parameter parameter) {
            json.addProperty("op", "parameter");
            json.addProperty("site", parameter.site());
        } else if (node instanceof Node.Constant constant) {
            json.addProperty("op", "constant");
            json.addProperty("tensor", keep(constant.value(), tensors));
        } else if (node instanceof Node.Select select) {
            json.addProperty("op", "select");
            json.addProperty("of", select.input());
            json.add("at", selection(select.selection()));
        } else if (node instanceof Node.Put put) {
            json.addProperty("op", "put");
            json.addProperty("of", put.into());
            json.addProperty("value", put.value());
            json.add("at", selection(put.selection()));
        } else if (node instanceof Node.Call call) {
            json.addProperty("op", "call");
            json.addProperty("run", call.run());
            json.addProperty("module", call.module());
            json.addProperty("of", call.input());
        } else if (node instanceof Node.Onnx onnx) {
            ForeignOperators.write(onnx, json);
        } else if (node instanceof Node.Gradient gradient) {
            json.addProperty("op", "gradient");
            json.add("of", ids(gradient.of()));
            json.add("seeds", ids(gradient.seeds()));
            json.addProperty("wrt", gradient.wrt());
            json.addProperty("version", gradient.version());
        } else if (node instanceof Node.Local local) {
            throw new SondeException(
                    "not-portable",
                    "A value is computed by Java code (" + local.where()
                            + "), which cannot leave this process: expected"
                            + " Sonde's operators, or a run on a local model");
        } else if (GenerationJson.isNode(node)) {
            GenerationJson.write(node, json);
        } else {
            Node.Apply apply = (Node.Apply) node;
            json.addProperty("op", apply.operator().name().toLowerCase(Locale.ROOT));
            JsonArray inputs = new JsonArray();
            apply.inputs().forEach(inputs::add);
            json.add("of", inputs);
            JsonObject attributes = new JsonObject();
            apply.attributes().forEach((name, numbers) -> attributes.add(name, numbers(numbers)));
            json.add("ints", attributes);
            JsonObject texts = new JsonObject();
            apply.texts().forEach(texts::addProperty);
            json.add("texts", texts);
        }
        return json;
    }

    private static Node node(JsonObject json, Map<String, Tensor> tensors) {
        String op = json.get("op").getAsString();
        return switch (op) {
            case "read" ->
                new Node.Read(integer(json, "run"), json.get("site").getAsString(), integer(json, "version"));
            case "parameter" -> new Node.Parameter(json.get("site").getAsString());
            case "constant" -> new Node.Constant(tensor(json.get("tensor"), tensors));
            case "select" -> new Node.Select(integer(json, "of"), selection(json.getAsJsonArray("at")));
            case "put" ->
                new Node.Put(integer(json, "of"), integer(json, "value"), selection(json.getAsJsonArray("at")));
            case "call" ->
                new Node.Call(integer(json, "run"), json.get("module").getAsString(), integer(json, "of"));
            case "onnx" -> ForeignOperators.read(json);
            case "carried", "over_steps", "generated" -> GenerationJson.node(op, json);
            case "gradient" -> gradient(json);
            default -> apply(Operator.valueOf(op.toUpperCase(Locale.ROOT)), json);
        };
    }

    private static Node.Gradient gradient(JsonObject json) {
        List<Integer> of = ids(json.getAsJsonArray("of"));
        List<Integer> seeds = ids(json.getAsJsonArray("seeds"));
        if (of.isEmpty() || (!seeds.isEmpty() && seeds.size() != of.size())) {
            throw new IllegalArgumentException(
                    "a gradient needs something to differentiate, and as many seeds or none");
        }
        return new Node.Gradient(of, seeds, integer(json, "wrt"), integer(json, "version"));
    }

    private static Node.Apply apply(Operator operator, JsonObject json) {
        Map<String, List<Long>> ints = new TreeMap<>();
        json.getAsJsonObject("ints")
                .entrySet()
                .forEach(e -> ints.put(e.getKey(), numbers(e.getValue().getAsJsonArray())));
        Map<String, String> texts = new TreeMap<>();
        json.getAsJsonObject("texts")
                .entrySet()
                .forEach(e -> texts.put(e.getKey(), e.getValue().getAsString()));
        return new Node.Apply(operator, ids(json.getAsJsonArray("of")), ints, texts);
    }

    private static JsonArray ids(List<Integer> ids) {
        JsonArray array = new JsonArray();
        ids.forEach(array::add);
        return array;
    }

    static List<Integer> ids(JsonArray array) {
        List<Integer> ids = new ArrayList<>();
        array.forEach(each -> ids.add(each.getAsInt()));
        return ids;
    }

    private static JsonObject effect(Effect effect) {
        JsonObject json = new JsonObject();
        json.addProperty("run", effect.run());
        if (effect instanceof Effect.Write write) {
            json.addProperty("do", "write");
            json.addProperty("site", write.site());
            json.addProperty("value", write.value());
            json.addProperty("version", write.version());
        } else if (effect instanceof Effect.Skip skip) {
            json.addProperty("do", "skip");
            json.addProperty("module", skip.module());
            JsonArray values = new JsonArray();
            skip.values().forEach(values::add);
            json.add("values", values);
        } else if (effect instanceof Effect.GradientWrite write) {
            json.addProperty("do", "gradient");
            json.addProperty("of", write.of());
            json.addProperty("wrt", write.wrt());
            json.addProperty("value", write.value());
            json.addProperty("version", write.version());
        } else if (!GenerationJson.write(effect, json)) {
            json.addProperty("do", "stop");
            json.addProperty("site", ((Effect.Stop) effect).site());
        }
        return json;
    }

    private static Effect effect(JsonObject json) {
        int run = integer(json, "run");
        String kind = json.get("do").getAsString();
        return switch (kind) {
            case "write" ->
                new Effect.Write(run, json.get("site").getAsString(), integer(json, "value"), integer(json, "version"));
            case "skip" -> new Effect.Skip(run, json.get("module").getAsString(), ids(json.getAsJsonArray("values")));
            case "gradient" ->
                new Effect.GradientWrite(
                        run,
                        integer(json, "of"),
                        integer(json, "wrt"),
                        integer(json, "value"),
                        integer(json, "version"));
            case "stop" -> new Effect.Stop(run, json.get("site").getAsString());
            default -> GenerationJson.effect(kind, run, json);
        };
    }

    private static JsonArray selection(Selection selection) {
        JsonArray array = new JsonArray();
        for (Selection.Pick pick : selection.picks()) {
            JsonObject json = new JsonObject();
            json.addProperty("axis", pick.axis());
            json.addProperty("single", pick.single());
            json.add("rows", lists(pick.rows()));
            array.add(json);
        }
        return array;
    }

    private static Selection selection(JsonArray array) {
        List<Selection.Pick> picks = new ArrayList<>();
        for (JsonElement each : array) {
            JsonObject json = each.getAsJsonObject();
            picks.add(new Selection.Pick(
                    integer(json, "axis"), json.get("single").getAsBoolean(), lists(json.getAsJsonArray("rows"))));
        }
        return new Selection(picks);
    }

    static int integer(JsonObject json, String key) {
        return json.get(key).getAsInt();
    }

    private static JsonArray numbers(List<Long> numbers) {
        JsonArray array = new JsonArray();
        numbers.forEach(array::add);
        return array;
    }

    static List<Long> numbers(JsonArray array) {
        List<Long> numbers = new ArrayList<>();
        array.forEach(each -> numbers.add(each.getAsLong()));
        return numbers;
    }

    private static JsonArray lists(List<List<Long>> lists) {
        JsonArray array = new JsonArray();
        lists.forEach(each -> array.add(numbers(each)));
        return array;
    }

    private static List<List<Long>> lists(JsonArray array) {
        List<List<Long>> lists = new ArrayList<>();
        array.forEach(each -> lists.add(numbers(each.getAsJsonArray())));
        return lists;
    }
}
