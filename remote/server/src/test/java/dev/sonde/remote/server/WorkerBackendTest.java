package dev.sonde.remote.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Model;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An engine in a process of its own. */
@Timeout(60)
class WorkerBackendTest {
    private static final Duration SOON = Duration.ofSeconds(40);

    @TempDir
    static Path data;

    private static WorkerBackend backend;
    private static SondeServer server;
    private static SondeService service;

    @BeforeAll
    static void open() {
        backend = WorkerBackend.open(Path.of("model.echo"), "-Xmx128m");
        server = SondeServer.open(ServerOptions.of(data).withModel("echo", backend));
        service = SondeService.connect(server.uri(), null);
    }

    @AfterAll
    static void close() {
        service.close();
        server.close();
    }

    @Test
    void aWorkerGivesTheBytesOfTheEngine() {
        InterventionGraph graph = EchoBackend.graph("x", 1, Float.NaN, -0f);
        EchoBackend local = new EchoBackend();
        byte[] here = ResultsFile.write(local.run(List.of(local.prepare(graph, Limits.NONE)), Control.NONE)
                .get(0));

        try (Model remote = service.model("echo")) {
            assertThat(ResultsFile.write(remote.run(graph))).isEqualTo(here);
            assertThat(remote.backend().tokenizer().orElseThrow().encode("a")).containsExactly(1, 'a', 2);
            assertThat(remote.backend().tokenizer().orElseThrow().decode('a')).isEqualTo("a");
        }
    }

    @Test
    void manyGraphsGoInOneQuestion() {
        List<Prepared> prepared = List.of(
                backend.prepare(EchoBackend.graph("x", 1), Limits.NONE),
                backend.prepare(EchoBackend.graph("y", 2, 3), Limits.NONE));

        assertThat(backend.run(prepared, Control.NONE))
                .extracting(results -> results.saved().keySet())
                .containsExactly(java.util.Set.of("x"), java.util.Set.of("y"));
    }

    @Test
    void aDeadWorkerCostsItsJobOneAttemptAndIsReplaced() {
        Job deadly = service.submit("echo", EchoBackend.graph("die", 1), null);
        Job next = service.submit("echo", EchoBackend.graph("x", 1), null);

        JobStatus status = deadly.await(SOON);
        assertThat(status.state()).isEqualTo(JobState.ERROR);
        assertThat(status.attempts()).isEqualTo(2);
        assertThatThrownBy(deadly::result)
                .hasMessageContaining("[worker-died]")
                .hasMessageContaining("worker died under this job 2 times");
        assertThat(next.await(SOON).state()).isEqualTo(JobState.COMPLETED);
        assertThat(next.status().attempts()).isEqualTo(1);
    }

    @Test
    void aRunningJobIsCancelledInTheWorker() {
        Job job = service.submit("echo", EchoBackend.graph("sleep", 60_000), null);
        while (job.state() == JobState.QUEUED) {
            Thread.onSpinWait();
        }
        job.cancel();
        assertThat(job.await(SOON).state()).isEqualTo(JobState.CANCELLED);
    }

    @Test
    void aStuckWorkerIsKilledAfterItsDeadline() {
        try (Backend stuck = WorkerBackend.open(Path.of("stuck.echo"))) {
            Prepared prepared = stuck.prepare(EchoBackend.graph("stuck", 60_000), Limits.NONE);
            Control soon = new Control() {
                @Override
                public Optional<Instant> deadline() {
                    return Optional.of(Instant.now());
                }
            };
            assertThatThrownBy(() -> stuck.run(List.of(prepared), soon)).hasMessageContaining("[deadline]");
            assertThat(stuck.run(List.of(stuck.prepare(EchoBackend.graph("x", 1), Limits.NONE)), Control.NONE))
                    .hasSize(1);
        }
    }

    @Test
    void anEnginesErrorComesThrough() {
        assertThatThrownBy(() -> service.model("echo").run(EchoBackend.graph("fail", 1)))
                .hasMessageContaining("[echo-failed]");
    }

    @Test
    void aModelThatNoEngineOpensIsRefused() {
        assertThatThrownBy(() -> WorkerBackend.open(Path.of("model.unknown")))
                .hasMessageContaining("[unknown-model-format]")
                .hasMessageContaining("'model.unknown'");
    }
}
