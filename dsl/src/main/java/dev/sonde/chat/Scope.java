package dev.sonde.chat;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and their values; loops and macros have one of their own within the one around them. */
final class Scope {
    private final @Nullable Scope around;
    private final Map<String, @Nullable Object> values = new HashMap<>();

    Scope(@Nullable Scope around) {
        this.around = around;
    }

    @Nullable
    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.around) {
            if (scope.values.containsKey(name)) {
                return scope.values.get(name);
            }
        }
        return new Undefined(name);
    }

    void set(String name, @Nullable Object value) {
        values.put(name, value);
    }

    /** Returns the outermost scope. */
    Scope outermost() {
        Scope scope = this;
        while (scope.around != null) {
            scope = scope.around;
        }
        return scope;
    }
}
