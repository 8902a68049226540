package dev.sonde.remote.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Tensor;
import dev.sonde.graph.GraphFile;
import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import dev.sonde.remote.protocol.JobState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a stopped or killed service finds in its data folder. */
@Timeout(60)
class RestartTest {
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String HASH = "0".repeat(64);

    @TempDir
    Path data;

    private SondeServer open() {
        return SondeServer.open(ServerOptions.of(data).withModel("echo", new EchoBackend()));
    }

    private static String id(int number) {
        return String.format("%032x", number);
    }

    private void left(int number, JobState state, int attempts) {
        Journal journal = new Journal(data);
        journal.graph(id(number), GraphFile.write(EchoBackend.graph("x", number)));
        journal.record(new JobRecord(number, id(number), "echo", "", "key" + number, HASH, state, attempts, null));
    }

    @Test
    void aStopKeepsWaitingAndRunningJobsAndResults() {
        Job done;
        Job running;
        Job waiting;
        try (SondeServer first = open();
                SondeService service = SondeService.connect(first.uri(), null)) {
            done = service.submit("echo", EchoBackend.graph("x", 1), "done");
            done.await(SOON);
            running = service.submit("echo", EchoBackend.graph("sleep", 1500), null);
            waiting = service.submit("echo", EchoBackend.graph("x", 3), null);
            while (running.state() == JobState.QUEUED) {
                Thread.onSpinWait();
            }
        }
        try (SondeServer second = open();
                SondeService service = SondeService.connect(second.uri(), null)) {
            assertThat(service.job(done.id()).result().saved()).containsEntry("x", Tensor.of(new float[] {1}, 1));
            assertThat(service.submit("echo", EchoBackend.graph("x", 1), "done").id())
                    .isEqualTo(done.id());
            assertThat(service.job(running.id()).await(SOON).state()).isEqualTo(JobState.COMPLETED);
            assertThat(service.job(running.id()).status().attempts()).isEqualTo(1);
            assertThat(service.job(waiting.id()).await(SOON).state()).isEqualTo(JobState.COMPLETED);
        }
    }

    @Test
    void aCrashCostsARunningJobAnAttempt() {
        left(1, JobState.QUEUED, 0);
        left(2, JobState.RUNNING, 1);
        left(3, JobState.RUNNING, 2);
        try (SondeServer server = open();
                SondeService service = SondeService.connect(server.uri(), null)) {
            assertThat(service.job(id(1)).await(SOON).state()).isEqualTo(JobState.COMPLETED);
            assertThat(service.job(id(2)).await(SOON).state()).isEqualTo(JobState.COMPLETED);
            assertThat(service.job(id(2)).status().attempts()).isEqualTo(2);
            assertThat(service.job(id(3)).state()).isEqualTo(JobState.ERROR);
            assertThatThrownBy(() -> service.job(id(3)).result()).hasMessageContaining("[worker-died]");
        }
    }

    @Test
    void damageInTheFolderStopsNothing() throws Exception {
        left(1, JobState.QUEUED, 0);
        left(2, JobState.QUEUED, 0);
        left(3, JobState.QUEUED, 0);
        left(4, JobState.COMPLETED, 1);
        Path jobs = data.resolve("jobs");
        Files.writeString(jobs.resolve(id(1)).resolve("job.json"), "{\"id\":");
        Files.delete(jobs.resolve(id(2)).resolve("graph.safetensors"));
        Files.delete(jobs.resolve(id(4)).resolve("graph.safetensors"));
        Files.writeString(jobs.resolve("notes.txt"), "not a job");
        Files.createDirectory(jobs.resolve(id(5)));
        try (SondeServer server = open();
                SondeService service = SondeService.connect(server.uri(), null)) {
            assertThatThrownBy(() -> service.job(id(1)).state()).hasMessageContaining("[unknown-job]");
            assertThat(service.job(id(2)).await(SOON).state()).isEqualTo(JobState.ERROR);
            assertThat(service.job(id(3)).await(SOON).state()).isEqualTo(JobState.COMPLETED);
            assertThatThrownBy(() -> service.job(id(4)).result()).hasMessageContaining("[result-gone]");
            assertThat(jobs.resolve(id(5))).doesNotExist();
            assertThat(service.submit("echo", EchoBackend.graph("x", 1), null)
                            .await(SOON)
                            .state())
                    .isEqualTo(JobState.COMPLETED);
        }
    }
}
