package dev.sonde.spi;

import dev.sonde.chat.ChatTemplate;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;

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

    /** Returns how the model was trained to see conversations, if its folder says so. */
    default Optional<ChatTemplate> chatTemplate() {
        return Optional.empty();
    }

    /**
     * Returns the text that ids add to those before them. It can differ from the text of the ids alone: many tokenizers write no
     * blank before a first word.
     */
    default String continuation(List<Long> before, List<Long> ids) {
        List<Long> seen = before.subList(Math.max(0, before.size() - 4), before.size());
        String alone = decode(seen.stream().mapToLong(Long::longValue).toArray());
        String together = decode(LongStream.concat(
                        seen.stream().mapToLong(Long::longValue), ids.stream().mapToLong(Long::longValue))
                .toArray());
        return together.startsWith(alone)
                ? together.substring(alone.length())
                : decode(ids.stream().mapToLong(Long::longValue).toArray());
    }
}
