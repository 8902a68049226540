package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.SondeException;
import dev.sonde.chat.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the files beside a model say. */
class TextSettingsTest {
    private Path folder = Path.of("");

    @BeforeEach
    void folder(@TempDir Path given) {
        folder = given;
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(folder.resolve(name), content);
    }

    private TextSettings read() {
        return TextSettings.read(folder, text -> new long[] {text.length()});
    }

    @Test
    void nothingSaysNothing() {
        assertThat(read().endTokens()).isEmpty();
        assertThat(read().chatTemplate()).isEmpty();
    }

    @Test
    void endTokensAreThoseOfGenerationThenOfTheModelThenOfTheTokenizer() throws IOException {
        write("tokenizer_config.json", "{\"eos_token\": {\"content\": \"</s>\"}}");
        assertThat(read().endTokens()).containsExactly(4L);
        write("config.json", "{\"eos_token_id\": 2}");
        assertThat(read().endTokens()).containsExactly(2L);
        write("generation_config.json", "{\"eos_token_id\": [7, 8]}");
        assertThat(read().endTokens()).containsExactly(7L, 8L);
    }

    @Test
    void endTokensOfNestedSettings() throws IOException {
        write("config.json", "{\"eos_token_id\": null, \"text_config\": {\"eos_token_id\": 5}}");
        assertThat(read().endTokens()).containsExactly(5L);
        Files.delete(folder.resolve("config.json"));
        write("genai_config.json", "{\"model\": {\"eos_token_id\": [3]}}");
        assertThat(read().endTokens()).containsExactly(3L);
    }

    private String prompt() {
        return read().chatTemplate().orElseThrow().prompt(List.of(ChatMessage.user("Hi")));
    }

    @Test
    void templatesAreFoundWhereverTheyAre() throws IOException {
        write("chat_template.json", "{\"chat_template\": \"json {{ messages[0].content }}\"}");
        assertThat(prompt()).isEqualTo("json Hi");
        write(
                "tokenizer_config.json",
                "{\"bos_token\": \"<s>\", \"chat_template\": [{\"name\": \"tool_use\", \"template\": \"no\"},"
                        + " {\"name\": \"default\", \"template\": \"{{ bos_token }}{{ messages[0].role }}\"}]}");
        assertThat(prompt()).isEqualTo("<s>user");
        write("chat_template.jinja", "jinja {{ bos_token }}");
        assertThat(prompt()).isEqualTo("jinja <s>");
    }

    @Test
    void aDamagedFileIsNamed() throws IOException {
        write("config.json", "{");
        assertThatThrownBy(this::read).isInstanceOf(SondeException.class).hasMessageContaining("config.json");
    }
}
