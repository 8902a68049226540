package dev.sonde.remote.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.graph.GraphFile;
import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.spi.Limits;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the service does not do. */
@Timeout(60)
class RefusalTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final int BODY_BYTES = 10_000;

    @TempDir
    Path folder;

    private SondeServer server;

    @BeforeEach
    void open() throws Exception {
        Path keys = folder.resolve("keys");
        Files.writeString(
                keys,
                "# who may come in\nann " + Sha256.hex("key-of-ann".getBytes(StandardCharsets.UTF_8)) + "\nbob "
                        + Sha256.hex("key-of-bob".getBytes(StandardCharsets.UTF_8)) + "\n");
        Limits limits = new Limits(100, 10, 100, 1000, false);
        server = SondeServer.open(ServerOptions.of(folder.resolve("data"))
                .withModel("echo", new EchoBackend())
                .withKeys(keys)
                .withLimits(limits, BODY_BYTES, Duration.ofMillis(300))
                .withJobs(2, 2));
    }

    @AfterEach
    void close() {
        server.close();
    }

    private SondeService ann() {
        return SondeService.connect(server.uri(), "key-of-ann");
    }

    @Test
    void aWrongOrMissingKeyIsRefused() throws Exception {
        assertThatThrownBy(() -> SondeService.connect(server.uri(), "key-of-eve"))
                .hasMessageContaining("[wrong-key] This service does not know the API key");
        assertThatThrownBy(() -> SondeService.connect(server.uri(), null))
                .hasMessageContaining("[wrong-key] This service asks for an API key");
        assertThat(RawHttp.get(server.uri(), "/no/such/path").statusCode()).isEqualTo(401);
        assertThat(RawHttp.get(server.uri(), "/ping").statusCode()).isEqualTo(200);
        try (SondeService service = ann()) {
            assertThat(service.models()).hasSize(1);
        }
    }

    @Test
    void aJobIsItsOwnersAlone() {
        try (SondeService ann = ann();
                SondeService bob = SondeService.connect(server.uri(), "key-of-bob")) {
            Job job = ann.submit("echo", EchoBackend.graph("x", 1), "same");

            assertThatThrownBy(() -> bob.job(job.id()).state()).hasMessageContaining("[unknown-job]");
            assertThatThrownBy(() -> bob.job(job.id()).cancel()).hasMessageContaining("[unknown-job]");
            assertThatThrownBy(() -> bob.job(job.id()).resultBytes()).hasMessageContaining("[unknown-job]");
            assertThat(bob.submit("echo", EchoBackend.graph("x", 1), "same").id())
                    .isNotEqualTo(job.id());
        }
    }

    @Test
    void anOversizedBodyIsRefusedByTheNameOfTheLimit() throws Exception {
        try (SondeService ann = ann()) {
            assertThatThrownBy(() -> ann.submit("echo", new byte[BODY_BYTES + 1], null))
                    .hasMessageContaining("[body-too-large]")
                    .hasMessageContaining("limit 'body bytes', " + BODY_BYTES);
        }
    }

    @Test
    void anOversizedResultIsRefusedByTheNameOfTheLimit() {
        try (SondeService ann = ann()) {
            assertThatThrownBy(() -> ann.submit("echo", EchoBackend.graph("x", new float[251]), null))
                    .hasMessageContaining("[limit-result-bytes]");
        }
    }

    @Test
    void aJobThatTakesTooLongEnds() {
        try (SondeService ann = ann()) {
            Job job = ann.submit("echo", EchoBackend.graph("sleep", 60_000), null);
            assertThat(job.await(SOON).state()).isEqualTo(JobState.ERROR);
            assertThatThrownBy(job::result).hasMessageContaining("[deadline]");
        }
    }

    @Test
    void aFullQueueIsRefusedByTheNameOfTheLimit() {
        try (SondeService ann = ann()) {
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 10; i++) {
                            ann.submit("echo", EchoBackend.graph("sleep", 60_000), null);
                        }
                    })
                    .hasMessageContaining("[queue-full]")
                    .hasMessageContaining("limit 'queue length'");
        }
    }

    @Test
    void onlyTheNewestFinishedJobsAreKept() throws Exception {
        try (SondeService ann = ann()) {
            Job first = ann.submit("echo", EchoBackend.graph("x", 1), null);
            first.await(SOON);
            for (int i = 0; i < 2; i++) {
                ann.submit("echo", EchoBackend.graph("x", 1), null).await(SOON);
            }
            assertThatThrownBy(first::state).hasMessageContaining("[unknown-job]");
            assertThat(folder.resolve("data").resolve("jobs").resolve(first.id()))
                    .doesNotExist();
        }
    }

    @Test
    void aNewerProtocolIsRefusedWithBothNumbers() throws Exception {
        HttpResponse<String> answer = RawHttp.get(server.uri(), "/ping", "Sonde-Protocol", "7");

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(answer.body()).contains("protocol-version", "version 7", "up to 1");
        assertThat(answer.headers().firstValue("Sonde-Protocol")).contains("1");
        assertThat(RawHttp.get(server.uri(), "/ping", "Sonde-Protocol", "x").statusCode())
                .isEqualTo(400);
    }

    @Test
    void namesAndIdsNeverReachTheFileSystem() throws Exception {
        for (String path : new String[] {
            "/models/..%2F..%2Fkeys",
            "/response/..%2F..%2Fkeys",
            "/response/..%2F..%2Fkeys/result",
            "/response/%2e%2e/result",
            "/response/%00/result",
            "/../keys",
            "/models/%E2%98%83"
        }) {
            HttpResponse<String> answer = RawHttp.get(server.uri(), path, "Authorization", "Bearer key-of-ann");
            assertThat(answer.statusCode()).as(path).isBetween(400, 404);
            assertThat(answer.body()).as(path).doesNotContain("who may come in");
        }
    }

    @Test
    void damagedBodiesAreRefusedAndNeverFailTheService() throws Exception {
        byte[] good = GraphFile.write(EchoBackend.graph("x", 1, 2, 3));
        Random random = new Random(20261124);
        for (int i = 0; i < 600; i++) {
            byte[] body;
            if (i % 3 == 0) {
                body = new byte[random.nextInt(300)];
                random.nextBytes(body);
            } else {
                body = java.util.Arrays.copyOf(good, i % 3 == 1 ? good.length : random.nextInt(good.length));
                for (int flips = random.nextInt(4) + 1; flips > 0 && body.length > 0; flips--) {
                    body[random.nextInt(body.length)] = (byte) random.nextInt(256);
                }
            }
            for (String path : new String[] {"/models/echo/price", "/models/echo/tokens", "/models/echo/text"}) {
                HttpResponse<String> answer =
                        RawHttp.send("POST", server.uri(), path, body, "Authorization", "Bearer key-of-ann");
                assertThat(answer.statusCode())
                        .as("body %s to %s: %s", i, path, answer.body())
                        .isIn(200, 400);
            }
        }
        HttpResponse<String> submitted = RawHttp.send(
                "POST",
                server.uri(),
                "/request?model=echo",
                new byte[] {1, 2, 3},
                "Authorization",
                "Bearer key-of-ann");
        assertThat(submitted.statusCode()).isEqualTo(400);
        assertThat(submitted.body()).contains("bad-safetensors");
    }

    @Test
    void aBadQuestionIsRefused() throws Exception {
        String[] ann = {"Authorization", "Bearer key-of-ann"};
        assertThat(RawHttp.send("POST", server.uri(), "/request", new byte[0], ann)
                        .body())
                .contains("'model' is missing");
        assertThat(RawHttp.get(server.uri(), "/no/such/path", ann).statusCode()).isEqualTo(404);
        try (SondeService service = ann()) {
            String id = service.submit("echo", EchoBackend.graph("x", 1), null).id();
            assertThat(RawHttp.get(server.uri(), "/response/" + id + "?wait=forever", ann)
                            .statusCode())
                    .isEqualTo(400);
        }
    }

    @Test
    void aBadKeyFileStopsTheStart() throws Exception {
        Path keys = folder.resolve("bad");
        Files.writeString(keys, "ann secret\n");
        assertThatThrownBy(() -> SondeServer.open(
                        ServerOptions.of(folder.resolve("other")).withKeys(keys)))
                .hasMessageContaining("[bad-keys] Line 1")
                .hasMessageNotContaining("secret");
    }
}
