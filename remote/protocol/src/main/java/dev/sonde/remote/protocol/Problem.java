package dev.sonde.remote.protocol;

import dev.sonde.SondeException;
import java.util.Objects;

/**
 * The body of every refusal.
 *
 * @param code the anchor in {@code docs/errors.md}
 * @param message what is wrong, expected and found
 */
public record Problem(String code, String message) {
    /** Refuses missing parts. */
    public Problem {
        Objects.requireNonNull(code, "code");
        Objects.requireNonNull(message, "message");
    }

    /** Returns what {@code e} says. */
    public static Problem of(SondeException e) {
        return new Problem(e.code(), e.problem());
    }

    /** Returns this as the exception that it was made from. */
    public SondeException toException() {
        return new SondeException(code, message);
    }
}
