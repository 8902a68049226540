package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/** Values that the real NNsight measured. */
final class Golden {
    private final JsonObject json;

    private Golden(JsonObject json) {
        this.json = json;
    }

    static Golden of(String model) {
        try {
            return new Golden(JsonParser.parseString(Files.readString(TestModels.golden(model)))
                    .getAsJsonObject());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    List<Golden> all(String entry) {
        List<Golden> all = new ArrayList<>();
        json.getAsJsonArray(entry).forEach(each -> all.add(new Golden(each.getAsJsonObject())));
        assertThat(all).isNotEmpty();
        return all;
    }

    Golden first(String entry) {
        return all(entry).get(0);
    }

    double number(String name) {
        return json.get(name).getAsDouble();
    }

    boolean has(String name) {
        return json.has(name);
    }

    String text(String name) {
        return json.get(name).getAsString();
    }

    int integer(String name) {
        return json.get(name).getAsInt();
    }

    List<Long> ids(String name) {
        return longs(json.getAsJsonArray(name));
    }

    /** One prompt, or one for each row. */
    RunInput input(String name) {
        JsonArray array = json.getAsJsonArray(name);
        List<List<Long>> rows = new ArrayList<>();
        if (array.get(0).isJsonArray()) {
            array.forEach(row -> rows.add(longs(row.getAsJsonArray())));
        } else {
            rows.add(longs(array));
        }
        return Input.rows(rows);
    }

    private static List<Long> longs(JsonArray array) {
        return array.asList().stream().map(JsonElement::getAsLong).toList();
    }

    /** All numbers of nested lists, in order. */
    double[] numbers(String name) {
        List<Double> flat = new ArrayList<>();
        flatten(json.get(name), flat);
        return flat.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private static void flatten(JsonElement element, List<Double> into) {
        if (element.isJsonArray()) {
            element.getAsJsonArray().forEach(each -> flatten(each, into));
        } else {
            into.add(element.getAsDouble());
        }
    }

    /** Compares all numbers of {@code name} with a tensor. */
    void check(String name, Tensor actual, double tolerance) {
        check(numbers(name), actual, tolerance, name);
    }

    static void check(double[] expected, Tensor actual, double tolerance, String what) {
        double[] found = actual.toDoubles();
        assertThat(found).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < found.length; i++) {
            assertThat(Math.abs(found[i] - expected[i]))
                    .as("%s[%d]: expected %s but was %s", what, i, expected[i], found[i])
                    .isLessThanOrEqualTo(tolerance);
        }
    }
}
