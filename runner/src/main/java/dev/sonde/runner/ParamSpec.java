package dev.sonde.runner;

import static java.util.Objects.requireNonNull;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A parameter of an experiment, which its runner offers as an option.
 *
 * @param name the field's name; the option is {@code --name}
 * @param kind what may be given
 * @param description one line for {@code --help}, or empty
 * @param defaultValue what holds when the option is not given, or null if it must be
 */
public record ParamSpec(
        String name,
        Kind kind,
        String description,
        @Nullable String defaultValue) {
    /** The options that every runner has; no parameter may be called so. */
    static final Set<String> RESERVED =
            Set.of("model", "remote", "api-key", "print", "check", "save", "report", "pictures", "stacktrace", "help");

    /** What a parameter may be. */
    public enum Kind {
        /** Any text. */
        TEXT,
        /** A text that is one token of the model; spaces count. */
        TOKEN,
        /** A whole number. */
        INTEGER,
        /** A number. */
        NUMBER,
        /** {@code true} or {@code false}. */
        TRUTH;

        /** Returns whether {@code text} can be read as this kind; a model judges whether a text is one token. */
        boolean accepts(String text) {
            try {
                return switch (this) {
                    case TEXT -> true;
                    case TOKEN -> !text.isEmpty();
                    case INTEGER -> text.equals(Long.toString(Long.parseLong(text)));
                    case NUMBER -> Double.isFinite(Double.parseDouble(text));
                    case TRUTH -> text.equals("true") || text.equals("false");
                };
            } catch (NumberFormatException e) {
                return false;
            }
        }

        String describe() {
            return switch (this) {
                case TEXT -> "a text";
                case TOKEN -> "a token";
                case INTEGER -> "a whole number";
                case NUMBER -> "a number";
                case TRUTH -> "true or false";
            };
        }
    }

    /** Checks the name and the default. */
    public ParamSpec {
        requireNonNull(kind, "kind");
        requireNonNull(description, "description");
        if (RESERVED.contains(name)) {
            throw new IllegalArgumentException(
                    "A parameter cannot be called '" + name + "': every runner has --" + name);
        }
        if (defaultValue != null && !kind.accepts(defaultValue)) {
            throw new IllegalArgumentException(
                    "The default of '" + name + "' must be " + kind.describe() + " but is '" + defaultValue + "'");
        }
    }
}
