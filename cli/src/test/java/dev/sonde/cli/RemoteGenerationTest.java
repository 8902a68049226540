package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Generated;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Selector;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.chat.ChatMessage;
import dev.sonde.graph.RunInput;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.server.ServerOptions;
import dev.sonde.remote.server.SondeServer;
import dev.sonde.remote.server.WorkerBackend;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A service generates what the model does here: it ends where its folder says, and chats as it does. */
@Timeout(120)
class RemoteGenerationTest {
    private static final String PROMPT = "Then Mary and John";

    @TempDir
    private Path folder;

    private Path model(String template) throws IOException {
        Path model = Files.createDirectory(folder.resolve("names"));
        for (String name : List.of("model.onnx", "tokenizer.json", "config.json")) {
            Files.copy(TestModels.tiny("names").resolve(name), model.resolve(name));
        }
        long end;
        try (Model local = LocalModel.open(model)) {
            end = local.generate(PROMPT, GenerationOptions.greedy(4)).ids().get(3);
        }
        Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [" + end + "]}");
        Files.writeString(model.resolve("chat_template.jinja"), template);
        return model;
    }

    private static Generated steered(Model model, RunInput prompt) {
        Generation generation = model.session(s -> s.generate(prompt, GenerationOptions.greedy(6), g -> {
            g.later(t -> t.scale(Site.of("layers.1#resid_post"), 1.5));
            g.every(t -> t.keep("logits", t.get("logits").at(Selector.last())));
        }));
        assertThat(generation.kept("logits").tensor().size(0))
                .isEqualTo(generation.value().steps());
        return generation.value();
    }

    @Test
    void itGeneratesWhatTheModelDoesHere() throws IOException {
        Path path = model("{% for m in messages %}{{ m.content }} {% endfor %}and");
        try (Model local = LocalModel.open(path);
                SondeServer server = SondeServer.open(ServerOptions.of(folder.resolve("data"))
                        .withModel("names", WorkerBackend.open(path, "-Xmx1g")));
                SondeService service = SondeService.connect(server.uri(), null);
                Model remote = service.model("names")) {
            GenerationOptions options = GenerationOptions.greedy(12);
            Generated here = local.generate(PROMPT, options);
            assertThat(here.rows().get(0).reason()).isEqualTo(Generated.Reason.STOP_TOKEN);
            assertThat(here.ids()).hasSizeLessThan(12);
            StringBuilder streamed = new StringBuilder();
            assertThat(remote.generate(PROMPT, options, streamed::append)).isEqualTo(here);
            assertThat(streamed.toString()).isEqualTo(here.text());
            GenerationOptions drawn = GenerationOptions.builder()
                    .maxNewTokens(8)
                    .temperature(1)
                    .seed(5)
                    .build();
            assertThat(remote.generate(PROMPT, drawn)).isEqualTo(local.generate(PROMPT, drawn));
            RunInput chat = remote.chat(ChatMessage.user("Then Mary"), ChatMessage.assistant("and John"));
            assertThat(chat).isEqualTo(local.chat(ChatMessage.user("Then Mary"), ChatMessage.assistant("and John")));
            assertThat(steered(remote, chat)).isEqualTo(steered(local, chat));
            RunInput rows = Input.rows(List.of(List.of(3L, 4L), List.of(5L, 6L, 7L)));
            assertThat(steered(remote, rows)).isEqualTo(steered(local, rows));
        }
    }

    @Test
    void aTemplateThatCannotBeReadHindersOnlyChats() throws IOException {
        Path path = model("{% include 'x' %}");
        try (SondeServer server = SondeServer.open(ServerOptions.of(folder.resolve("data"))
                        .withModel("names", WorkerBackend.open(path, "-Xmx1g")));
                SondeService service = SondeService.connect(server.uri(), null);
                Model remote = service.model("names")) {
            assertThat(remote.generate(PROMPT, GenerationOptions.greedy(12)).ids())
                    .hasSizeLessThan(12);
            assertThatThrownBy(() -> remote.chat(ChatMessage.user("x")))
                    .isInstanceOf(SondeException.class)
                    .hasMessageContaining("[bad-template]");
        }
    }
}
