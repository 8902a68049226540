package dev.sonde.remote.protocol;

import dev.sonde.SondeException;
import dev.sonde.chat.ChatTemplate;
import dev.sonde.spi.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a model's folder says about its texts, besides the tokens.
 *
 * @param endTokens ids that end a text
 * @param chatTemplate how conversations look, in Jinja
 * @param specialTokens that the template may use, by name
 * @param problem why the template cannot be used
 */
public record TextFacts(
        List<Long> endTokens,
        @Nullable String chatTemplate,
        Map<String, String> specialTokens,
        @Nullable Problem problem) {
    /** Copies its parts. */
    public TextFacts {
        endTokens = List.copyOf(Objects.requireNonNull(endTokens, "endTokens"));
        specialTokens = Map.copyOf(Objects.requireNonNull(specialTokens, "specialTokens"));
    }

    /** Returns what a tokenizer says. */
    public static TextFacts of(Tokenizer tokenizer) {
        List<Long> ends = tokenizer.endTokens();
        try {
            Optional<ChatTemplate> template = tokenizer.chatTemplate();
            return new TextFacts(
                    ends,
                    template.map(ChatTemplate::source).orElse(null),
                    template.map(ChatTemplate::specialTokens).orElse(Map.of()),
                    null);
        } catch (SondeException e) {
            return new TextFacts(ends, null, Map.of(), Problem.of(e));
        }
    }

    /**
     * Returns the template.
     *
     * @throws SondeException as the model's own tokenizer does
     */
    public Optional<ChatTemplate> template() {
        if (problem != null) {
            throw problem.toException();
        }
        return Optional.ofNullable(chatTemplate).map(source -> ChatTemplate.of(source, specialTokens));
    }
}
