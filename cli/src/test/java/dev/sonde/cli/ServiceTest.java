package dev.sonde.cli;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.GraphFile;
import dev.sonde.kind.Any;
import dev.sonde.remote.client.SondeService;
import dev.sonde.testmodels.TestModels;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code sonde serve} in a process of its own, and what {@code run} and {@code submit} say to the same graph. */
class ServiceTest {
    private static final String KEY = "open sesame";
    private static final Site<Any> MIDDLE = Site.of("layers.1#resid_post");

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private Process server = new ProcessBuilder("true").start();
    private String url = "";

    ServiceTest() throws IOException {}

    @BeforeEach
    void serve() throws IOException, NoSuchAlgorithmException {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(KEY.getBytes(StandardCharsets.UTF_8));
        Path keys = Files.writeString(
                folder.resolve("keys"), "alice " + HexFormat.of().formatHex(hash) + "\n");
        server = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.sonde.cli.Main",
                        "serve",
                        "--model",
                        "names=" + TestModels.tiny("names"),
                        "--data",
                        folder.resolve("data").toString(),
                        "--keys",
                        keys.toString(),
                        "--port",
                        "0")
                .redirectError(folder.resolve("log").toFile())
                .start();
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
        String first = lines.readLine();
        assertThat(first).as(Files.readString(folder.resolve("log"))).startsWith("listening on http://127.0.0.1:");
        url = first.substring("listening on ".length());
    }

    @AfterEach
    void end() throws InterruptedException {
        server.destroy();
        assertThat(server.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }

    private int sonde(String... args) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    private Path graph() throws IOException {
        try (Model model = LocalModel.open(TestModels.tiny("names"))) {
            Recording<Saved<Tensor>> recording = model.record(s -> {
                var donor = s.run("When Alice and Bob went to the park , Alice gave a book to");
                var patched = s.run(
                        "When Alice and Bob went to the park , Bob gave a book to",
                        t -> t.update(MIDDLE, v -> v.from(donor.get(MIDDLE), position(-1))));
                return patched.get("logits").at(position(-1)).softmax("vocab").save("probabilities");
            });
            return Files.write(folder.resolve("graph"), GraphFile.write(recording.graph()));
        }
    }

    private static Map<String, Tensor> tensors(Path file) throws IOException {
        return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString())
                .tensors();
    }

    private int submit(Path graph, String model, Path results, String... more) {
        String[] command = {"submit", graph.toString(), "--remote", url, "--model", model, "--out", results.toString()};
        String[] all = java.util.Arrays.copyOf(command, command.length + more.length);
        System.arraycopy(more, 0, all, command.length, more.length);
        return sonde(all);
    }

    @Test
    void aGraphGivesTheSameBitsHereAndThereAndErrorsAreOneMessage() throws IOException {
        Path graph = graph();
        Path here = folder.resolve("here");
        Path there = folder.resolve("there");
        assertThat(sonde(
                        "run",
                        graph.toString(),
                        "--model",
                        TestModels.tiny("names").toString(),
                        "-o",
                        here.toString()))
                .as(err.toString())
                .isZero();
        assertThat(submit(graph, "names", there, "--api-key", KEY, "--idempotency-key", "k1"))
                .as(err.toString())
                .isZero();
        assertThat(tensors(there)).containsOnlyKeys("probabilities").isEqualTo(tensors(here));

        String job = out.toString().lines().findFirst().orElseThrow();
        assertThat(submit(graph, "names", there, "--api-key", KEY, "--idempotency-key", "k1"))
                .isZero();
        assertThat(out.toString()).startsWith(job); // the same job, not another one

        assertThat(submit(graph, "name", there, "--api-key", KEY)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        "error: [unknown-model] This service has no model 'name'. Did you mean 'names'? It has: names\n"
                                + "  See docs/errors.md#unknown-model\n");

        assertThat(submit(graph, "names", there)).isEqualTo(1);
        assertThat(err.toString()).startsWith("error: [wrong-key] ").doesNotContain("\tat ");

        assertThat(submit(graph, "names", there, "--api-key", "guessed")).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo("error: [wrong-key] This service does not know the API key that came with the request\n"
                        + "  See docs/errors.md#wrong-key\n");
        assertThat(Files.readString(folder.resolve("log"))).doesNotContain(KEY, "guessed");
    }

    @Test
    void theSameExperimentRunsOnAModelOfTheService() {
        try (SondeService service = SondeService.connect(URI.create(url), KEY);
                Model remote = service.model("names");
                Model local = LocalModel.open(TestModels.tiny("names"))) {
            assertThat(lastWord(remote)).isEqualTo(lastWord(local));
        }
    }

    private static Tensor lastWord(Model model) {
        return model.trace(
                        "When Alice and Bob went to the park , Alice gave a book to",
                        t -> t.get("logits").at(position(-1)).save())
                .value();
    }
}
