package dev.sonde.cli.conformance;

import dev.sonde.SondeException;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What the names of a case mean: those of the present run, and those of earlier runs behind the run's id. */
final class Bindings {
    private final Map<String, Value<Any>> earlier;
    private final Map<String, Value<Any>> own = new LinkedHashMap<>();
    private final Map<String, UnaryOperator<Value<Any>>> gradients = new HashMap<>();

    /** Starts a run after runs that left {@code earlier}, by {@code run.name}. */
    Bindings(Map<String, Value<Any>> earlier) {
        this.earlier = earlier;
    }

    void bind(String name, Value<Any> value) {
        own.put(name, value);
    }

    /** Says how the gradient with respect to a name is found, if it is not that with respect to its value. */
    void bindGradient(String name, UnaryOperator<Value<Any>> gradient) {
        gradients.put(name, gradient);
    }

    Value<Any> gradient(Value<Any> of, String wrt) {
        UnaryOperator<Value<Any>> known = gradients.get(wrt);
        return known == null ? of.gradient(get(wrt)) : known.apply(of);
    }

    Value<Any> get(String name) {
        Value<Any> value = own.get(name);
        if (value == null) {
            value = earlier.get(name);
        }
        if (value == null) {
            throw new SondeException("bad-suite", "Nothing is bound to '" + name + "'");
        }
        return value;
    }

    Map<String, Value<Any>> own() {
        return own;
    }
}
