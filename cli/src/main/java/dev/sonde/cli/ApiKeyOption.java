package dev.sonde.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The key that a service asks for. */
final class ApiKeyOption {
    private static final String VARIABLE = "SONDE_API_KEY";

    @Option(
            names = "--api-key",
            paramLabel = "KEY",
            description = "Key for the service; default: the environment variable " + VARIABLE + ".")
    private @Nullable String given;

    /** Returns the key, null if there is none. */
    @Nullable
    String value() {
        return given == null ? System.getenv(VARIABLE) : given;
    }
}
