package dev.sonde.remote.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import io.javalin.Javalin;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class OpenApiTest {
    @TempDir
    Path data;

    @Test
    void theDescriptionHasTheRoutesAndNoOthers() throws Exception {
        ServerOptions options = ServerOptions.of(data).withModel("echo", new EchoBackend());
        Jobs jobs = new Jobs(data, 1, 1);
        Routes routes = new Routes(options, jobs, ApiKeys.read(null), new Events(jobs));
        Javalin.create(config -> routes.register(config.routes));
        String yaml;
        try (SondeServer server = SondeServer.open(options)) {
            yaml = RawHttp.get(server.uri(), "/openapi.yaml").body();
        }
        List<String> described = new ArrayList<>();
        String path = "";
        for (String line : yaml.substring(0, yaml.indexOf("\ncomponents:")).split("\n", -1)) {
            if (line.matches("  /\\S*:")) {
                path = line.strip().replaceAll(":$", "");
            } else if (line.matches("    (get|post|delete):")) {
                described.add(line.strip().replace(":", "").toUpperCase(Locale.ROOT) + " " + path);
            }
        }
        assertThat(described).containsExactlyInAnyOrderElementsOf(routes.registered());
    }

    @Test
    void eventsTellOfAJobUntilItsEnd() throws Exception {
        try (SondeServer server = SondeServer.open(ServerOptions.of(data).withModel("echo", new EchoBackend()));
                SondeService service = SondeService.connect(server.uri(), null)) {
            Job job = service.submit("echo", EchoBackend.graph("sleep", 300), null);
            String events = RawHttp.get(
                            server.uri(), "/response/" + job.id() + "/events", "Accept", "text/event-stream")
                    .body();
            assertThat(events).contains("event: status", "\"RUNNING\"").endsWith("\n\n");
            assertThat(events.substring(events.lastIndexOf("event:"))).contains("\"COMPLETED\"");
            assertThat(RawHttp.get(server.uri(), "/response/x/events", "Accept", "text/event-stream")
                            .statusCode())
                    .isEqualTo(404);
        }
    }
}
