package dev.sonde.remote.protocol;

import java.util.Objects;

/**
 * A model that a service offers.
 *
 * @param name to ask for it by
 * @param sha256 hash that graphs recorded against it carry
 * @param tokenizer whether it can turn text into tokens
 */
public record ModelEntry(String name, String sha256, boolean tokenizer) {
    /** Refuses missing parts. */
    public ModelEntry {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(sha256, "sha256");
    }
}
