package dev.sonde.chat;

import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a model was trained to see conversations: a Jinja template, as in {@code tokenizer_config.json}. Its text is what
 * Hugging Face's {@code apply_chat_template} makes.
 *
 * <p>Templates come with models, from strangers: this is the part of Jinja that they use, without any way to files, classes or
 * the network, and with limits on time, depth and size. {@code docs/generation.md} lists it.
 */
public final class ChatTemplate {
    private final String source;
    private final Map<String, String> specialTokens;
    private final List<Statement> body;

    private ChatTemplate(String source, Map<String, String> specialTokens) {
        this.source = source;
        this.specialTokens = Map.copyOf(specialTokens);
        this.body = Parser.parse(source);
    }

    /**
     * Reads a template.
     *
     * @param specialTokens texts by name, such as {@code bos_token}, that it may use
     * @throws SondeException {@code bad-template} if it uses what is not known
     */
    public static ChatTemplate of(String source, Map<String, String> specialTokens) {
        return new ChatTemplate(source, specialTokens);
    }

    /** Returns the template itself. */
    public String source() {
        return source;
    }

    /** Returns the special tokens that it may use, by name. */
    public Map<String, String> specialTokens() {
        return specialTokens;
    }

    /**
     * Returns a conversation as a prompt for the model's next message; special tokens are in it.
     *
     * @throws SondeException {@code chat-refused} if the template refuses it, for example two messages of one role in a row
     */
    public String prompt(List<ChatMessage> messages) {
        return text(messages.stream().map(ChatMessage::toMap).toList(), true, Map.of());
    }

    /**
     * Returns a conversation as text.
     *
     * @param messages as JSON has them: {@code role}, {@code content}, and what else the template looks at
     * @param addGenerationPrompt whether the beginning of the model's next message is added
     * @param more further values that the template may use, such as {@code tools}
     * @throws SondeException {@code bad-template} or {@code chat-refused}
     */
    public String text(List<? extends Map<String, ?>> messages, boolean addGenerationPrompt, Map<String, ?> more) {
        Map<String, @Nullable Object> given = new HashMap<>(specialTokens);
        given.put("messages", copy(messages));
        given.put("add_generation_prompt", addGenerationPrompt);
        given.put("tools", null);
        given.put("documents", null);
        more.forEach((name, value) -> given.put(name, copy(value)));
        try {
            return Rendering.text(body, given);
        } catch (IndexOutOfBoundsException | ClassCastException | NullPointerException e) {
            throw new SondeException("bad-template", "The model's chat template gives a function wrong arguments", e);
        }
    }

    /** Templates see plain values only. */
    private static @Nullable Object copy(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>();
            map.forEach((key, each) -> copy.put(key, copy(each)));
            return copy;
        }
        if (value instanceof List<?> list) {
            List<@Nullable Object> copy = new ArrayList<>();
            list.forEach(each -> copy.add(copy(each)));
            return copy;
        }
        if (value instanceof Float || value instanceof Double) {
            return ((Number) value).doubleValue();
        }
        return value instanceof Number number
                ? (Object) number.longValue()
                : value == null || value instanceof Boolean ? value : value.toString();
    }

    static SondeException bad(int line, String why) {
        return new SondeException(
                "bad-template", "The model's chat template" + (line > 0 ? ", line " + line : "") + ": " + why);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ChatTemplate template
                && template.source.equals(source)
                && template.specialTokens.equals(specialTokens);
    }

    @Override
    public int hashCode() {
        return source.hashCode();
    }
}
