package dev.sonde.acceptance;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.sonde.DType;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Safetensors;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.Attribute;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Effect;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ValueType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The page about the file form says what is written. */
class GraphFormatTest {
    private final PaperModel model = new PaperModel();

    private static JsonObject schema() throws IOException {
        String page = Files.readString(Path.of("../docs/graph-format.md"));
        String block = page.substring(page.indexOf("```json") + 7, page.lastIndexOf("```"));
        return JsonParser.parseString(block).getAsJsonObject();
    }

    private InterventionGraph graph() {
        InterventionGraph recorded = model.record(s -> {
                    var donor = s.run(List.of("abcd", "ab"));
                    var base = s.run("abce", t -> {
                        t.update(
                                Site.of("layers.0#resid_post"),
                                v -> v.with(
                                        position(-1),
                                        donor.get("layers.0#resid_post")
                                                .at(position(0))
                                                .mean("batch")));
                        t.zero(Site.of("layers.1#pattern"), head(1));
                        t.skip("transformer.h.1", t.get("layers.0#resid_post"));
                        t.stop(Site.of("layers.1#resid_post"));
                    });
                    s.run(Input.tensors(Map.of("input_ids", Tensor.of(new long[] {1, 2}, 1, 2))));
                    base.call("transformer.h.0", base.get("layers.0#resid_post"))
                            .log("called");
                    return base.get("layers.0#resid_post").einsum("bpd->bp").save("sum");
                })
                .graph();
        List<Node> nodes = new ArrayList<>(recorded.nodes());
        nodes.add(new Node.Parameter("value:weight"));
        nodes.add(new Node.Onnx(
                "com.example",
                "Everything",
                List.of(0, 1),
                Map.of(
                        "a", new Attribute.Whole(3),
                        "b", new Attribute.Real(0.1),
                        "c", new Attribute.Text("text"),
                        "d", new Attribute.Wholes(List.of(1L, -2L)),
                        "e", new Attribute.Reals(List.of(0.5, Double.NaN, -1e-300))),
                1,
                new ValueType(DType.FLOAT32, List.of(new Dim("batch", 2), Dim.of(Dim.UNKNOWN)), List.of(4L, 2L))));
        for (Operator operator : Operator.values()) {
            nodes.add(
                    new Node.Apply(operator, List.of(0, 1), Map.of("axis", List.of(-1L, 2L)), Map.of("name", "x, y")));
        }
        List<RunInput> runs = new ArrayList<>(recorded.runs());
        RunInput.Tokens prompt = new RunInput.Tokens(List.of(List.of(1L, 2L)), List.of("ab"), Map.of());
        GenerationOptions options = GenerationOptions.builder()
                .maxNewTokens(3)
                .temperature(0.7)
                .seed(-1)
                .stopTokens(5)
                .stopStrings("end")
                .logitBias(4, Double.NEGATIVE_INFINITY)
                .build();
        int generation = runs.size();
        runs.add(new RunInput.Generation(prompt, options));
        runs.add(new RunInput.Steps(generation, 1, List.of(new RunInput.Range(1, 2), new RunInput.Range(3, 9))));
        nodes.add(new Node.Gradient(List.of(1, 2), List.of(0, 0), 0, 1));
        nodes.add(new Node.Carried(generation + 1, "kept", 0));
        nodes.add(new Node.OverSteps(generation, List.of(0, 1)));
        for (Node.Generated.Part part : Node.Generated.Part.values()) {
            nodes.add(new Node.Generated(generation, part));
        }
        List<Effect> effects = new ArrayList<>(recorded.effects());
        effects.add(new Effect.GradientWrite(0, 2, 0, 1, 0));
        effects.add(new Effect.Choose(generation, 0, 1));
        effects.add(new Effect.Carry(generation, "kept", 1));
        effects.add(new Effect.Finish(generation + 1, 2));
        return new InterventionGraph(recorded.model(), runs, nodes, effects, recorded.saves());
    }

    @Test
    void everySortOfElementSurvivesTheFile() {
        InterventionGraph graph = graph();
        byte[] bytes = GraphFile.write(graph);
        InterventionGraph back = GraphFile.read(ByteBuffer.wrap(bytes), "graph");
        assertThat(back).isEqualTo(graph);
        assertThat(back.toString()).isEqualTo(graph.toString());
        assertThat(back.sha256()).isEqualTo(graph.sha256());
        assertThat(GraphFile.write(back)).isEqualTo(bytes);
    }

    @Test
    void whatIsWrittenFitsTheSchema() throws IOException {
        JsonObject schema = schema();
        String json = Safetensors.read(ByteBuffer.wrap(GraphFile.write(graph())), "graph")
                .metadata()
                .get("sonde.graph");
        assertThat(wrong(JsonParser.parseString(json), schema, schema, "$")).isEmpty();
        JsonObject other = JsonParser.parseString(json).getAsJsonObject();
        other.getAsJsonArray("nodes").get(0).getAsJsonObject().addProperty("op", "unknown");
        assertThat(wrong(other, schema, schema, "$")).isNotEmpty();
    }

    /** A new sort of element has to come into the graph above, and so into the schema. */
    @Test
    void theGraphHasEverySortOfElementThatCanBeWritten() {
        InterventionGraph graph = graph();
        Set<Class<?>> nodes = sorts(Node.class);
        nodes.remove(Node.Local.class);
        assertThat(classes(graph.nodes())).isEqualTo(nodes);
        assertThat(classes(graph.effects())).isEqualTo(sorts(Effect.class));
        assertThat(classes(graph.runs())).isEqualTo(sorts(RunInput.class));
    }

    private static Set<Class<?>> classes(List<?> elements) {
        return elements.stream().map(Object::getClass).collect(Collectors.toSet());
    }

    private static Set<Class<?>> sorts(Class<?> type) {
        return new HashSet<>(Arrays.asList(type.getPermittedSubclasses()));
    }

    @Test
    void theSchemaNamesEveryOperator() throws IOException {
        JsonObject apply = schema().getAsJsonObject("$defs").getAsJsonObject("apply");
        List<String> named = new ArrayList<>();
        apply.getAsJsonObject("properties")
                .getAsJsonObject("op")
                .getAsJsonArray("enum")
                .forEach(each -> named.add(each.getAsString()));
        assertThat(named)
                .containsExactlyElementsOf(Arrays.stream(Operator.values())
                        .map(each -> each.name().toLowerCase(Locale.ROOT))
                        .toList());
    }

    @Test
    void graphsThatDifferInOneNumberHaveOtherHashes() {
        float[] numbers = new float[1000];
        InterventionGraph before =
                model.record(s -> s.constant(Tensor.of(numbers)).save()).graph();
        numbers[500] = 1e-6f;
        InterventionGraph after =
                model.record(s -> s.constant(Tensor.of(numbers)).save()).graph();
        assertThat(after.sha256()).isNotEqualTo(before.sha256()).hasSize(64);
    }

    /** Returns where a value does not fit a schema, for the words of JSON Schema that the page uses. */
    private static List<String> wrong(JsonElement value, JsonObject schema, JsonObject root, String at) {
        List<String> wrong = new ArrayList<>();
        if (schema.has("$ref")) {
            String name = schema.get("$ref").getAsString().substring("#/$defs/".length());
            return wrong(value, root.getAsJsonObject("$defs").getAsJsonObject(name), root, at);
        }
        if (schema.has("oneOf")) {
            long fits = schema.getAsJsonArray("oneOf").asList().stream()
                    .filter(each ->
                            wrong(value, each.getAsJsonObject(), root, at).isEmpty())
                    .count();
            return fits == 1 ? wrong : List.of(at + " fits " + fits + " of them: " + value);
        }
        if (schema.has("const") && !schema.get("const").equals(value)) {
            wrong.add(at + " is " + value);
        }
        if (schema.has("enum") && !schema.getAsJsonArray("enum").contains(value)) {
            wrong.add(at + " is " + value);
        }
        if (schema.has("type") && !isA(schema.get("type").getAsString(), value)) {
            wrong.add(at + " is no " + schema.get("type") + " but " + value);
        } else if (value instanceof JsonObject object) {
            wrong.addAll(wrongIn(object, schema, root, at));
        } else if (value instanceof JsonArray array && schema.has("items")) {
            for (int i = 0; i < array.size(); i++) {
                wrong.addAll(wrong(array.get(i), schema.getAsJsonObject("items"), root, at + "[" + i + "]"));
            }
        }
        return wrong;
    }

    private static List<String> wrongIn(JsonObject object, JsonObject schema, JsonObject root, String at) {
        List<String> wrong = new ArrayList<>();
        if (schema.has("required")) {
            schema.getAsJsonArray("required").forEach(each -> {
                if (!object.has(each.getAsString())) {
                    wrong.add(at + " lacks " + each);
                }
            });
        }
        JsonObject properties = schema.has("properties") ? schema.getAsJsonObject("properties") : new JsonObject();
        JsonElement more = schema.has("additionalProperties") ? schema.get("additionalProperties") : null;
        object.entrySet().forEach(each -> {
            String place = at + "." + each.getKey();
            if (properties.has(each.getKey())) {
                wrong.addAll(wrong(each.getValue(), properties.getAsJsonObject(each.getKey()), root, place));
            } else if (more instanceof JsonObject rest) {
                wrong.addAll(wrong(each.getValue(), rest, root, place));
            } else if (more instanceof JsonPrimitive) {
                wrong.add(place + " is not expected");
            }
        });
        return wrong;
    }

    private static boolean isA(String type, JsonElement value) {
        return switch (type) {
            case "object" -> value.isJsonObject();
            case "array" -> value.isJsonArray();
            case "string" -> value instanceof JsonPrimitive primitive && primitive.isString();
            case "boolean" -> value instanceof JsonPrimitive primitive && primitive.isBoolean();
            default ->
                value instanceof JsonPrimitive primitive
                        && primitive.isNumber()
                        && primitive.getAsString().matches("-?\\d+");
        };
    }
}
