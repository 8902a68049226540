package dev.sonde.chat;

import java.util.Map;

/**
 * One message of a conversation.
 *
 * @param role who says it: {@code system}, {@code user}, {@code assistant}, or another one that the model's template knows
 * @param content what is said
 */
public record ChatMessage(String role, String content) {
    /** Returns instructions to the model. */
    public static ChatMessage system(String content) {
        return new ChatMessage("system", content);
    }

    /** Returns what a person says. */
    public static ChatMessage user(String content) {
        return new ChatMessage("user", content);
    }

    /** Returns what the model said. */
    public static ChatMessage assistant(String content) {
        return new ChatMessage("assistant", content);
    }

    /** Returns it as templates see it. */
    Map<String, Object> toMap() {
        return Map.of("role", role, "content", content);
    }
}
