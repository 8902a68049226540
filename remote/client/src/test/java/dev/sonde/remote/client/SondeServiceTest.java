package dev.sonde.remote.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Json;
import dev.sonde.remote.protocol.ServiceStatus;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import mockwebserver3.SocketEffect;
import okhttp3.HttpUrl;
import okio.Buffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The client against services that misbehave. */
@Timeout(60)
class SondeServiceTest {
    private final MockWebServer server = new MockWebServer();

    @BeforeEach
    void open() throws Exception {
        server.start();
    }

    @AfterEach
    void close() {
        server.close();
    }

    private URI uri() {
        HttpUrl url = server.url("/");
        return URI.create("http://127.0.0.1:" + url.port());
    }

    private static MockResponse.Builder answer(int status, String body) {
        return new MockResponse.Builder()
                .code(status)
                .addHeader("Sonde-Protocol", "1")
                .body(body);
    }

    private static MockResponse good() {
        return answer(200, Json.write(new ServiceStatus(1, 0, 0, List.of()))).build();
    }

    private static MockResponse reset() {
        return new MockResponse.Builder()
                .onResponseStart(new SocketEffect.CloseSocket())
                .build();
    }

    private SondeService connect() {
        return SondeService.connect(uri(), "secret-key");
    }

    @Test
    void aServerThatIsDownIsNamed() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        assertThatThrownBy(() -> SondeService.connect(URI.create("http://127.0.0.1:" + port), null))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[server-down] No Sonde service answers at http://127.0.0.1:" + port);
    }

    @Test
    void anAddressThatIsNoneIsNamed() {
        for (String bad : List.of("localhost", "ftp://host", "http:///path", "mailto:someone")) {
            assertThatThrownBy(() -> SondeService.connect(URI.create(bad), null))
                    .as(bad)
                    .hasMessageContaining("[bad-uri] '" + bad + "'");
        }
    }

    @Test
    void aRefusalPassesThroughAndNeverShowsTheKey() throws Exception {
        server.enqueue(
                answer(401, "{\"code\":\"wrong-key\",\"message\":\"no\"}").build());

        assertThatThrownBy(this::connect).hasMessageContaining("[wrong-key] no").hasMessageNotContaining("secret-key");
        RecordedRequest request = server.takeRequest();
        assertThat(request.getHeaders().get("Authorization")).isEqualTo("Bearer secret-key");
        assertThat(request.getHeaders().get("Sonde-Protocol")).isEqualTo("1");
    }

    @Test
    void aNewerServiceIsNamedWithBothNumbers() {
        server.enqueue(new MockResponse.Builder()
                .addHeader("Sonde-Protocol", "9")
                .body("{}")
                .build());

        assertThatThrownBy(this::connect)
                .hasMessageContaining("[protocol-version]")
                .hasMessageContaining("version 9")
                .hasMessageContaining("up to 1");
    }

    @Test
    void somethingElseThanASondeServiceIsTold() {
        server.enqueue(new MockResponse.Builder().body("<html>hello</html>").build());
        assertThatThrownBy(this::connect).hasMessageContaining("[bad-response]").hasMessageContaining("status 200");
        server.enqueue(new MockResponse.Builder().code(502).body("bad gateway").build());
        assertThatThrownBy(this::connect).hasMessageContaining("[bad-response]").hasMessageContaining("status 502");
        server.enqueue(answer(200, "{\"protocol\":1").build());
        assertThatThrownBy(this::connect).hasMessageContaining("[bad-response]");
    }

    @Test
    void aRedirectIsNotFollowed() {
        server.enqueue(new MockResponse.Builder()
                .code(302)
                .addHeader("Location", server.url("/elsewhere"))
                .build());
        assertThatThrownBy(this::connect).hasMessageContaining("[bad-response]");
        assertThat(server.getRequestCount()).isEqualTo(1);
    }

    @Test
    void aBrokenConnectionIsTriedAgainWithTheSameIdempotencyKey() throws Exception {
        server.enqueue(good());
        server.enqueue(reset());
        server.enqueue(reset());
        server.enqueue(answer(202, "{\"id\":\"abc\"}").build());
        try (SondeService service = connect()) {
            assertThat(service.submit("m", new byte[] {1}, null).id()).isEqualTo("abc");
        }
        server.takeRequest();
        String first = server.takeRequest().getHeaders().get("Idempotency-Key");
        assertThat(first).isNotBlank();
        assertThat(server.takeRequest().getHeaders().get("Idempotency-Key")).isEqualTo(first);
        assertThat(server.takeRequest().getHeaders().get("Idempotency-Key")).isEqualTo(first);
    }

    @Test
    void aConnectionThatAlwaysBreaksIsGivenUp() {
        for (int i = 0; i < 10; i++) {
            server.enqueue(reset());
        }
        assertThatThrownBy(this::connect).hasMessageContaining("[server-down]");
        assertThat(server.getRequestCount()).isLessThanOrEqualTo(5);
    }

    @Test
    void waitingEndsWithItsTime() {
        server.enqueue(good());
        String queued = "{\"id\":\"a\",\"model\":\"m\",\"state\":\"QUEUED\",\"position\":3}";
        for (int i = 0; i < 3; i++) {
            server.enqueue(answer(200, queued).build());
        }
        try (SondeService service = connect()) {
            assertThat(service.job("a").await(Duration.ZERO).position()).isEqualTo(3);
        }
    }

    @Test
    void damagedAnswersAreErrorsOfSonde() {
        Random random = new Random(7);
        server.enqueue(good());
        try (SondeService service = connect()) {
            for (int i = 0; i < 200; i++) {
                byte[] body = new byte[random.nextInt(100)];
                random.nextBytes(body);
                server.enqueue(new MockResponse.Builder()
                        .addHeader("Sonde-Protocol", "1")
                        .body(new Buffer().write(body))
                        .build());
                Job job = service.job("a");
                boolean result = i % 2 == 0;
                assertThatThrownBy(() -> {
                            if (result) {
                                job.result();
                            } else {
                                job.status();
                            }
                        })
                        .isInstanceOf(SondeException.class);
            }
        }
    }
}
