package dev.sonde.remote.protocol;

import dev.sonde.SondeException;
import org.jspecify.annotations.Nullable;

/** The names that client and server must agree on. */
public final class Protocol {
    /** The newest version that this code speaks. */
    public static final int VERSION = 1;

    /** Header with the protocol version, on requests and answers. */
    public static final String VERSION_HEADER = "Sonde-Protocol";

    /** Header that makes a repeated submission the same job. */
    public static final String IDEMPOTENCY_HEADER = "Idempotency-Key";

    /** The most letters that an idempotency key may have. */
    public static final int IDEMPOTENCY_LETTERS = 200;

    /** The most seconds that a service holds a question for a job's end. */
    public static final int LONGEST_WAIT = 60;

    /** Media type of graphs and results. */
    public static final String SAFETENSORS = "application/octet-stream";

    /** Media type of everything else. */
    public static final String JSON = "application/json";

    /** Answers when the service lives. */
    public static final String PING = "/ping";

    /** {@link ServiceStatus}. */
    public static final String STATUS = "/status";

    /** Versions of what the service runs on. */
    public static final String ENV = "/env";

    /** A list of {@link ModelEntry}. */
    public static final String MODELS = "/models";

    /** The service's description in OpenAPI's form. */
    public static final String OPENAPI = "/openapi.yaml";

    /** Where jobs are submitted and cancelled. */
    public static final String REQUEST = "/request";

    /** Where jobs are watched and fetched. */
    public static final String RESPONSE = "/response";

    private Protocol() {}

    /**
     * Checks the version that the other side names.
     *
     * @param other {@code "client"} or {@code "service"}
     * @param header the header's value, if it came
     * @throws SondeException {@code protocol-version}, with both numbers, if it is newer than {@link #VERSION} or no number
     */
    public static void check(String other, @Nullable String header) {
        if (header == null) {
            return;
        }
        if (!header.matches("[0-9]{1,9}")) {
            throw new SondeException(
                    "protocol-version",
                    "The " + other + "'s header " + VERSION_HEADER + " is no number; expected one up to " + VERSION);
        }
        if (Integer.parseInt(header) > VERSION) {
            throw new SondeException(
                    "protocol-version",
                    "The " + other + " speaks version " + header + " of the protocol, this side versions up to "
                            + VERSION + "; update the older side");
        }
    }
}
