package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.Run;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Records the values that steps compute. */
final class Expression {
    private final Suite suite;
    private final Session session;
    private final Run run;
    private final Bindings bindings;

    Expression(Suite suite, Session session, Run run, Bindings bindings) {
        this.suite = suite;
        this.session = session;
        this.run = run;
        this.bindings = bindings;
    }

    Value<Any> value(JsonElement json) {
        JsonObject object = json.getAsJsonObject();
        if (object.has("tensor")) {
            return session.constant(suite.tensor(object.get("tensor").getAsString()));
        }
        if (object.has("ref")) {
            return bindings.get(object.get("ref").getAsString());
        }
        if (object.has("const")) {
            return session.constant(object.get("const").getAsDouble());
        }
        if (object.has("module")) {
            List<Value<Any>> args = Json.list(object.get("args"), this::value);
            if (args.size() != 1) {
                throw new UnsupportedCapability("module calls with " + args.size() + " arguments");
            }
            return run.call(object.get("module").getAsString(), args.get(0));
        }
        if (object.has("op")) {
            return operator(object, Json.list(object.get("args"), this::value));
        }
        throw new UnsupportedCapability("values of the form " + object.keySet());
    }

    private static Value<Any> operator(JsonObject json, List<Value<Any>> args) {
        Value<Any> x = args.get(0);
        String operator = json.get("op").getAsString();
        return switch (operator) {
            case "add" -> x.plus(args.get(1));
            case "sub" -> x.minus(args.get(1));
            case "mul" -> x.times(args.get(1));
            case "div" -> x.over(args.get(1));
            case "matmul" -> x.matmul(args.get(1));
            case "transpose" -> transpose(x);
            case "relu" -> x.relu();
            case "square" -> x.times(x);
            case "mean", "sum" -> reduce(operator, x, json);
            case "softmax" -> x.softmax(json.get("dim").getAsString());
            case "log_softmax" -> x.logSoftmax(json.get("dim").getAsString());
            case "slice" -> at(x, Slice.selectors(json.get("slice")));
            case "cat" ->
                x.concat(
                        json.get("dim").getAsString(),
                        args.subList(1, args.size()).toArray(Value<?>[]::new));
            default -> throw new UnsupportedCapability("operator " + operator);
        };
    }

    private static Value<Any> transpose(Value<Any> x) {
        int rank = x.type().rank();
        List<String> axes = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
            axes.add(Integer.toString(i));
        }
        if (rank > 1) {
            Collections.swap(axes, rank - 2, rank - 1);
        }
        return x.transpose(axes.toArray(String[]::new));
    }

    private static Value<Any> reduce(String operator, Value<Any> x, JsonObject json) {
        String[] axes = Json.list(json.get("dims"), JsonElement::getAsString).toArray(String[]::new);
        boolean keep = json.has("keepdim") && json.get("keepdim").getAsBoolean();
        if (operator.equals("mean")) {
            return keep ? x.meanKeeping(axes) : x.mean(axes);
        }
        return keep ? x.sumKeeping(axes) : x.sum(axes);
    }

    /** Returns a region of {@code x}, or all of it. */
    static Value<Any> at(Value<Any> x, List<Selector> selectors) {
        return selectors.isEmpty() ? x : x.at(selectors.toArray(Selector[]::new));
    }
}
