package dev.sonde.remote.protocol;

import java.util.Objects;

/**
 * A text to make tokens of, or made from tokens.
 *
 * @param text the text
 * @param plain whether to leave out the special tokens around it
 */
public record TextBody(String text, boolean plain) {
    /** Refuses a missing text. */
    public TextBody {
        Objects.requireNonNull(text, "text");
    }
}
