package dev.sonde.remote.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Model;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Results;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Client and server together, over loopback. */
@Timeout(60)
class RoundTripTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir
    Path data;

    private SondeServer server;
    private SondeService service;

    @BeforeEach
    void open() {
        server = SondeServer.open(ServerOptions.of(data).withModel("echo", new EchoBackend()));
        service = SondeService.connect(server.uri(), null);
    }

    @AfterEach
    void close() {
        service.close();
        server.close();
    }

    @Test
    void aGraphComesBackAsItsResult() {
        Job job = service.submit("echo", EchoBackend.graph("x", 1, 2, 3), null);

        assertThat(job.await(SOON).state()).isEqualTo(JobState.COMPLETED);
        Results results = job.result();
        assertThat(results.saved()).containsEntry("x", Tensor.of(new float[] {1, 2, 3}, 3));
        assertThat(results.provenance()).containsEntry("made-by", "echo");
    }

    @Test
    void remoteResultsAreTheLocalOnesBitForBit() {
        InterventionGraph graph = EchoBackend.graph(Map.of(
                "nan",
                Tensor.of(new float[] {Float.intBitsToFloat(0x7fc12345), -0f, Float.MIN_VALUE}, 3)
                        .withNames(List.of("position")),
                "ids",
                Tensor.of(new long[] {Long.MIN_VALUE, 7}, 2)));
        EchoBackend local = new EchoBackend();
        Results here = local.run(List.of(local.prepare(graph, Limits.NONE)), Control.NONE)
                .get(0);

        try (Model remote = service.model("echo")) {
            assertThat(ResultsFile.write(remote.run(graph))).isEqualTo(ResultsFile.write(here));
        }
    }

    @Test
    void theModelIsDescribed() {
        assertThat(service.models()).hasSize(1);
        Model model = service.model("echo");
        assertThat(model.manifest().sha256()).isEqualTo(EchoBackend.SHA);
        assertThat(model.backend().tokenizer().orElseThrow().encode("hi")).containsExactly(1, 'h', 'i', 2);
        assertThat(model.backend().tokenizer().orElseThrow().encodePlain("hi")).containsExactly('h', 'i');
        assertThat(model.backend().tokenizer().orElseThrow().decode('h', 'i')).isEqualTo("hi");
    }

    @Test
    void anUnknownModelIsNamedWithItsNeighbours() {
        assertThatThrownBy(() -> service.model("ecko"))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[unknown-model]")
                .hasMessageContaining("no model 'ecko'. Did you mean 'echo'?");
        assertThatThrownBy(() -> service.submit("../echo", EchoBackend.graph("x", 1), null))
                .hasMessageContaining("[unknown-model]");
    }

    @Test
    void aFailureKeepsItsCodeAndMessage() {
        Job job = service.submit("echo", EchoBackend.graph("fail", 1), null);

        JobStatus status = job.await(SOON);

        assertThat(status.state()).isEqualTo(JobState.ERROR);
        assertThatThrownBy(job::result)
                .hasMessageContaining("[echo-failed]")
                .hasMessageContaining("The echo failed as it was told");
        assertThatThrownBy(() -> service.model("echo").run(EchoBackend.graph("fail", 1)))
                .hasMessageContaining("[echo-failed]");
    }

    @Test
    void aGraphThatDoesNotFitIsRefusedBeforeItIsAJob() {
        InterventionGraph other = new InterventionGraph("0".repeat(64), List.of(), List.of(), List.of(), Map.of());

        assertThatThrownBy(() -> service.submit("echo", other, null)).hasMessageContaining("[other-model]");
        assertThat(service.status().queued()).isZero();
    }

    @Test
    void aRunningAndAWaitingJobCanBeCancelled() {
        Job running = service.submit("echo", EchoBackend.graph("sleep", 60_000), null);
        Job waiting = service.submit("echo", EchoBackend.graph("x", 1), null);
        assertThat(waiting.status().position()).isLessThanOrEqualTo(1);

        waiting.cancel();
        assertThat(waiting.state()).isEqualTo(JobState.CANCELLED);
        running.cancel();
        assertThat(running.await(SOON).state()).isEqualTo(JobState.CANCELLED);
        assertThatThrownBy(running::result).hasMessageContaining("[cancelled]");
    }

    @Test
    void anIdempotencyKeyMakesOneJob() {
        Job first = service.submit("echo", EchoBackend.graph("x", 1), "key");
        Job again = service.submit("echo", EchoBackend.graph("x", 1), "key");

        assertThat(again.id()).isEqualTo(first.id());
        assertThatThrownBy(() -> service.submit("echo", EchoBackend.graph("x", 2), "key"))
                .hasMessageContaining("[idempotency-conflict]");
        assertThat(service.submit("echo", EchoBackend.graph("x", 1), null).id()).isNotEqualTo(first.id());
    }

    @Test
    void aJobIsFoundAgainByItsId() {
        String id = service.submit("echo", EchoBackend.graph("x", 5), null).id();

        try (SondeService other = SondeService.connect(server.uri(), null)) {
            Job job = other.job(id);
            assertThat(job.await(SOON).state()).isEqualTo(JobState.COMPLETED);
            assertThat(job.result().saved()).containsKey("x");
            assertThatThrownBy(() -> other.job("f".repeat(32)).state()).hasMessageContaining("[unknown-job]");
        }
    }
}
