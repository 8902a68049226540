package dev.sonde.spi;

import java.util.List;

/** Turns text into a model's token ids and back. Safe for many threads. */
public interface Tokenizer {
    /** Returns the ids of {@code text}, with the special tokens that the model expects around it. */
    long[] encode(String text);

    /** Returns the ids of {@code text} and nothing around it. */
    long[] encodePlain(String text);

    /** Returns the text of {@code ids}, special tokens included. */
    String decode(long... ids);

    /** Returns the ids that end a text, as the model's folder says; none if it does not say. */
    default List<Long> endTokens() {
        return List.of();
    }
}
