package dev.sonde.remote.server;

import dev.sonde.SondeException;
import org.jspecify.annotations.Nullable;

/** An error with the HTTP status that it is answered with. */
final class Refusal extends SondeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    Refusal(int status, String code, String message) {
        this(status, code, message, null);
    }

    Refusal(int status, String code, String message, @Nullable Throwable cause) {
        super(code, message, cause);
        this.status = status;
    }

    int status() {
        return status;
    }
}
