package dev.sonde.graph;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The JSON form of ONNX's own operators. */
final class ForeignOperators {
    private ForeignOperators() {}

    static void write(Node.Onnx node, JsonObject json) {
        json.addProperty("op", "onnx");
        json.addProperty("domain", node.domain());
        json.addProperty("operator", node.operator());
        JsonArray inputs = new JsonArray();
        node.inputs().forEach(inputs::add);
        json.add("of", inputs);
        JsonObject attributes = new JsonObject();
        node.attributes().forEach((name, attribute) -> attributes.add(name, write(attribute)));
        json.add("attributes", attributes);
        json.addProperty("output", node.output());
        json.addProperty("dtype", node.type().dtype().toString());
        JsonArray dims = new JsonArray();
        for (Dim dim : node.type().dims()) {
            JsonArray pair = new JsonArray();
            pair.add(dim.name());
            pair.add(dim.size());
            dims.add(pair);
        }
        json.add("dims", dims);
        JsonArray lengths = new JsonArray();
        node.type().lengths().forEach(lengths::add);
        json.add("lengths", lengths);
    }

    private static JsonObject write(Attribute attribute) {
        JsonObject json = new JsonObject();
        if (attribute instanceof Attribute.Whole whole) {
            json.addProperty("int", whole.value());
        } else if (attribute instanceof Attribute.Real real) {
            json.addProperty("float", Double.toHexString(real.value()));
        } else if (attribute instanceof Attribute.Text text) {
            json.addProperty("text", text.value());
        } else if (attribute instanceof Attribute.Wholes wholes) {
            JsonArray array = new JsonArray();
            wholes.values().forEach(array::add);
            json.add("ints", array);
        } else {
            JsonArray array = new JsonArray();
            ((Attribute.Reals) attribute).values().forEach(value -> array.add(Double.toHexString(value)));
            json.add("floats", array);
        }
        return json;
    }

    static Node.Onnx read(JsonObject json) {
        Map<String, Attribute> attributes = new TreeMap<>();
        json.getAsJsonObject("attributes")
                .entrySet()
                .forEach(each ->
                        attributes.put(each.getKey(), attribute(each.getValue().getAsJsonObject())));
        List<Dim> dims = new ArrayList<>();
        for (JsonElement each : json.getAsJsonArray("dims")) {
            JsonArray pair = each.getAsJsonArray();
            dims.add(new Dim(pair.get(0).getAsString(), pair.get(1).getAsLong()));
        }
        ValueType type = new ValueType(
                DType.parse(json.get("dtype").getAsString()), dims, GraphFile.numbers(json.getAsJsonArray("lengths")));
        return new Node.Onnx(
                json.get("domain").getAsString(),
                json.get("operator").getAsString(),
                GraphFile.ids(json.getAsJsonArray("of")),
                attributes,
                GraphFile.integer(json, "output"),
                type);
    }

    private static Attribute attribute(JsonObject json) {
        Map.Entry<String, JsonElement> only = json.entrySet().iterator().next();
        JsonElement value = only.getValue();
        return switch (only.getKey()) {
            case "int" -> new Attribute.Whole(value.getAsLong());
            case "float" -> new Attribute.Real(Double.parseDouble(value.getAsString()));
            case "text" -> new Attribute.Text(value.getAsString());
            case "ints" -> new Attribute.Wholes(GraphFile.numbers(value.getAsJsonArray()));
            case "floats" -> {
                List<Double> numbers = new ArrayList<>();
                value.getAsJsonArray().forEach(each -> numbers.add(Double.parseDouble(each.getAsString())));
                yield new Attribute.Reals(numbers);
            }
            default -> throw new IllegalArgumentException("unknown attribute '" + only.getKey() + "'");
        };
    }
}
