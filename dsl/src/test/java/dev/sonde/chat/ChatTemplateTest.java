package dev.sonde.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import dev.sonde.SondeException;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates of public models, against what Hugging Face's {@code apply_chat_template} made ({@code make_chat.py}). */
class ChatTemplateTest {
    private static final Gson GSON = new com.google.gson.GsonBuilder()
            .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
            .create();

    private static JsonObject golden() throws IOException {
        return JsonParser.parseString(Files.readString(TestModels.root().resolve("chat/chat.json")))
                .getAsJsonObject();
    }

    private static ChatTemplate template(JsonObject golden, String name) {
        JsonObject entry = golden.getAsJsonObject("templates").getAsJsonObject(name);
        Map<String, String> special = new HashMap<>();
        entry.getAsJsonObject("special_tokens")
                .entrySet()
                .forEach(each -> special.put(each.getKey(), each.getValue().getAsString()));
        return ChatTemplate.of(entry.get("template").getAsString(), special);
    }

    @TestFactory
    Stream<DynamicTest> asHuggingFaceMakesThem() throws IOException {
        JsonObject golden = golden();
        JsonArray cases = golden.getAsJsonArray("cases");
        assertThat(cases.size()).isGreaterThan(100);
        return cases.asList().stream()
                .map(JsonElement::getAsJsonObject)
                .map(each -> DynamicTest.dynamicTest(
                        each.get("template").getAsString() + " "
                                + each.get("conversation").getAsString(),
                        () -> check(golden, each)));
    }

    private static void check(JsonObject golden, JsonObject one) {
        ChatTemplate template = template(golden, one.get("template").getAsString());
        List<Map<String, Object>> messages =
                GSON.fromJson(one.get("messages"), new TypeToken<List<Map<String, Object>>>() {}.getType());
        Map<String, Object> more = new HashMap<>();
        if (one.has("tools")) {
            more.put("tools", GSON.fromJson(one.get("tools"), new TypeToken<List<Object>>() {}.getType()));
        }
        boolean add = one.get("add_generation_prompt").getAsBoolean();
        if (one.has("refused")) {
            assertThatThrownBy(() -> template.text(messages, add, more))
                    .isInstanceOf(SondeException.class)
                    .hasMessageContaining(one.get("refused").getAsString())
                    .extracting(e -> ((SondeException) e).code())
                    .isEqualTo("chat-refused");
        } else {
            assertThat(template.text(messages, add, more))
                    .isEqualTo(one.get("text").getAsString());
        }
    }

    @Test
    void aPromptIsOfMessages() throws IOException {
        assertThat(template(golden(), "chatml").prompt(List.of(ChatMessage.system("Be kind."), ChatMessage.user("Hi"))))
                .isEqualTo("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                        + "<|im_start|>assistant\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% include 'x' %}",
                "{{ x",
                "{% if x %}",
                "{{ x | unknown }}",
                "{{ ''.__class__ }}{{ ''.format('x') }}",
                "{{ x is unknown }}",
                "{{ nothing.part }}",
                "{{ messages.append(1) }}",
                "{{ 1 + 'a' }}",
                "{{ 5 $ 4 }}",
                "{% for i in range(100000000) %}{% endfor %}",
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for i in range(40) %}{% set x = x ~ x %}{{ x }}{{ x.replace('a', x * 9) }}"
                        + "{% endfor %}",
                "{% for i in range(9) %}{{ loop.x() }}{% endfor %}"
            })
    void refusesWhatItDoesNotKnowAndWhatTakesTooMuch(String source) {
        assertThatThrownBy(() -> ChatTemplate.of(source, Map.of()).prompt(List.of(ChatMessage.user("Hi"))))
                .isInstanceOf(SondeException.class)
                .hasMessageStartingWith("[bad-template] The model's chat template");
    }

    @Test
    void saysTheLineOfAMistake() {
        assertThatThrownBy(() -> ChatTemplate.of("a\nb\n{% call x %}", Map.of()))
                .hasMessageContaining("line 3")
                .hasMessageContaining("'call'");
    }

    @Test
    void deepNestingIsRefused() {
        String deep = "{{ " + "(".repeat(3000) + "1" + ")".repeat(3000) + " }}";
        assertThatThrownBy(() -> ChatTemplate.of(deep, Map.of())).hasMessageContaining("nested");
        String not = "{{ " + "not ".repeat(30000) + "1 }}";
        assertThatThrownBy(() -> ChatTemplate.of(not, Map.of())).hasMessageContaining("nested");
        String minus = "{{ " + "-".repeat(30000) + "1 }}";
        assertThatThrownBy(() -> ChatTemplate.of(minus, Map.of())).hasMessageContaining("nested");
    }
}
