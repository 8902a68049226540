package dev.sonde.cli.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.Selector;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Records the steps of one block on the run that they belong to. */
final class Steps {
    private final Trace trace;
    private final Rows rows;
    private final Expression expression;
    private final Bindings bindings;
    private final boolean ragged;
    private String last = "";

    Steps(Trace trace, Rows rows, Expression expression, Bindings bindings) {
        this(trace, rows, expression, bindings, false);
    }

    Steps(Trace trace, Rows rows, Expression expression, Bindings bindings, boolean ragged) {
        this.ragged = ragged;
        this.trace = trace;
        this.rows = rows;
        this.expression = expression;
        this.bindings = bindings;
    }

    void record(JsonArray steps) {
        for (JsonElement each : steps) {
            JsonObject step = each.getAsJsonObject();
            if (step.has("at_step")) {
                throw new UnsupportedCapability("steps of a generation");
            }
            record(step);
        }
    }

    /** Records one step. */
    void record(JsonObject step) {
        String verb = step.get("do").getAsString();
        switch (verb) {
            case "read" -> read(siteName(step), step);
            case "read_output" -> read(step.get("name").getAsString(), step);
            case "set" -> set(step);
            case "add" -> add(step);
            case "scale" -> scale(step);
            case "skip" -> skip(step);
            case "stop" -> stop();
            case "param" -> bindings.bind(step.get("as").getAsString(), leaf(step.get("value")));
            case "grad" -> gradients(step);
            case "let" -> bindings.bind(step.get("as").getAsString(), expression.value(step.get("value")));
            default -> throw new UnsupportedCapability("step " + verb);
        }
    }

    /** Returns the name that the language gives to a step's site: {@code path#port}, with call and tuple element. */
    static String siteName(JsonObject step) {
        String port = step.has("port") ? step.get("port").getAsString() : "output";
        String call = step.has("call") ? "(" + step.get("call").getAsInt() + ")" : "";
        String index = step.has("index") ? "[" + step.get("index").getAsInt() + "]" : "";
        return step.get("site").getAsString() + "#" + port + call + index;
    }

    private List<Selector> region(JsonObject step) {
        List<Selector> selectors = Slice.selectors(step.get("slice"));
        return ragged ? selectors.stream().map(Steps::ofRow).toList() : selectors;
    }

    /** Padding on the left puts the last token of every row last. */
    private static Selector ofRow(Selector selector) {
        if (selector instanceof Selector.Indices indices && indices.axis().equals("0")) {
            return selector;
        }
        if (selector.equals(Selector.index("1", -1))) {
            return Selector.last();
        }
        throw new UnsupportedCapability("slices of padded prompts besides the last position");
    }

    private void read(String site, JsonObject step) {
        last = site;
        Value<Any> whole = trace.get(site);
        List<Selector> slice = region(step);
        String name = step.get("as").getAsString();
        bindings.bind(name, Expression.at(rows.of(whole), slice));
        bindings.bindGradient(name, of -> Expression.at(rows.of(of.gradient(whole)), slice));
    }

    /** A value that nothing lies before, as a parameter is. */
    private Value<Any> leaf(JsonElement value) {
        return expression.value(value).stopGradient();
    }

    private void gradients(JsonObject step) {
        Value<Any> of = expression.value(step.get("of"));
        List<String> names = Json.list(step.get("as"), JsonElement::getAsString);
        List<JsonElement> wrt = step.getAsJsonArray("wrt").asList();
        for (int i = 0; i < wrt.size(); i++) {
            if (wrt.get(i).isJsonObject()) {
                String weight = wrt.get(i).getAsJsonObject().get("weight").getAsString();
                bindings.bind(names.get(i), of.gradient(trace.parameter(weight)).as(Any.class));
                continue;
            }
            bindings.bind(names.get(i), bindings.gradient(of, wrt.get(i).getAsString()));
        }
    }

    private void set(JsonObject step) {
        List<Selector> region = region(step);
        JsonObject given = step.getAsJsonObject("value");
        if (given.has("const")) {
            double number = given.get("const").getAsDouble();
            edit(step, seen -> seen.with(region, number));
            return;
        }
        Value<Any> value = expression.value(given);
        // What fills the whole site needs nothing of what was there.
        edit(
                step,
                seen -> region.isEmpty()
                                && Arrays.equals(
                                        seen.type().shape(), value.type().shape())
                        ? value
                        : seen.with(region, value));
    }

    private void add(JsonObject step) {
        Value<Any> value = expression.value(step.get("value"));
        double scale = step.has("scale") ? step.get("scale").getAsDouble() : 1;
        Value<Any> scaled = scale == 1 ? value : value.times(scale);
        editRegion(step, region -> region.plus(scaled));
    }

    private void scale(JsonObject step) {
        double factor = step.get("by").getAsDouble();
        editRegion(step, region -> region.times(factor));
    }

    /** What an edit does to what it sees. */
    private interface Change {
        Value<Any> of(Value<Any> seen);
    }

    private void editRegion(JsonObject step, Change change) {
        List<Selector> region = region(step);
        edit(
                step,
                seen -> region.isEmpty() ? change.of(seen) : seen.with(region, change.of(Expression.at(seen, region))));
    }

    private void edit(JsonObject step, Change change) {
        last = siteName(step);
        trace.update(Site.of(last), whole -> rows.put(whole, change.of(rows.of(whole))));
    }

    private void skip(JsonObject step) {
        if (!rows.isAll()) {
            throw new UnsupportedCapability("skip for one of several prompts");
        }
        last = step.get("site").getAsString() + "#output";
        JsonElement given = step.get("value");
        List<Value<Any>> values = new ArrayList<>();
        if (given.isJsonArray()) {
            // An element that is None has no site, so it takes no value.
            given.getAsJsonArray().asList().stream()
                    .filter(each -> !each.isJsonNull())
                    .forEach(each -> values.add(expression.value(each)));
        } else {
            values.add(expression.value(given));
        }
        trace.skip(step.get("site").getAsString(), values.toArray(Value<?>[]::new));
    }

    /** Ends the run behind the site of the step before. */
    private void stop() {
        if (last.isEmpty()) {
            throw new SondeException("bad-suite", "A run stops before its first step");
        }
        trace.stop(Site.of(last));
    }
}
