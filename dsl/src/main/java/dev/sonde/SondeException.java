package dev.sonde;

import org.jspecify.annotations.Nullable;

/**
 * The one unchecked exception of Sonde.
 *
 * <p>A message says what is wrong, what was expected and what was found, where, and the nearest good names; it ends with
 * an anchor of {@code docs/errors.md}. {@link #code()} is that anchor, stable across releases, so that programs may act on it.
 */
public class SondeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String code;
    private final String problem;

    /**
     * @param code the anchor in {@code docs/errors.md}, in kebab case, for example {@code "unknown-site"}
     * @param message what is wrong, expected and found, where, and the nearest names
     */
    public SondeException(String code, String message) {
        this(code, message, null);
    }

    /**
     * @param code the anchor in {@code docs/errors.md}, in kebab case, for example {@code "unknown-site"}
     * @param message what is wrong, expected and found, where, and the nearest names
     * @param cause what was caught, if anything
     */
    public SondeException(String code, String message, @Nullable Throwable cause) {
        super("[" + code + "] " + message + "\n  See docs/errors.md#" + code, cause);
        this.code = code;
        this.problem = message;
    }

    /** Returns the anchor in {@code docs/errors.md} that explains this error. */
    public final String code() {
        return code;
    }

    /** Returns the message without its code in front and its link behind. */
    public final String problem() {
        return problem;
    }
}
