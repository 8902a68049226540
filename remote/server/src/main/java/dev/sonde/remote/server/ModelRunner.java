package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Results;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Runs one model's jobs, one after the other, on a thread of its own. */
final class ModelRunner {
    private static final System.Logger LOG = System.getLogger(ModelRunner.class.getName());

    private final String model;
    private final Backend backend;
    private final Jobs jobs;
    private final Limits limits;
    private final Duration jobTime;
    private final Thread thread;

    ModelRunner(String model, Backend backend, Jobs jobs, Limits limits, Duration jobTime) {
        this.model = model;
        this.backend = backend;
        this.jobs = jobs;
        this.limits = limits;
        this.jobTime = jobTime;
        this.thread = new Thread(this::runAll, "sonde-" + model);
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Waits for the thread's end, which {@link Jobs#close} brings about. */
    void join(Duration longest) throws InterruptedException {
        thread.join(longest.toMillis());
    }

    private void runAll() {
        try {
            @Nullable Job job = jobs.take(model);
            while (job != null) {
                run(job);
                job = jobs.take(model);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void run(Job job) {
        String id = job.record().id();
        try {
            InterventionGraph graph =
                    GraphFile.read(ByteBuffer.wrap(jobs.journal().graph(id)), "job " + id);
            Results results = backend.run(List.of(backend.prepare(graph, limits)), new Watch(job))
                    .get(0);
            long bytes = results.saved().values().stream()
                    .mapToLong(tensor -> tensor.bytes().remaining())
                    .sum();
            if (bytes > limits.resultBytes()) {
                throw new SondeException(
                        "limit-result-bytes",
                        "The result has " + bytes + " bytes but this service's limit 'result bytes' is "
                                + limits.resultBytes());
            }
            jobs.journal().result(id, ResultsFile.write(results));
            jobs.finished(job, JobState.COMPLETED, null);
        } catch (SondeException e) {
            failed(job, e);
        } catch (IOException | RuntimeException | Error e) {
            LOG.log(Level.ERROR, "job " + id + " failed", e);
            jobs.finished(
                    job, JobState.ERROR, new Problem("internal", "The service failed on this job; its log says why"));
        }
    }

    private void failed(Job job, SondeException e) {
        if (job.cancelRequested()) {
            jobs.finished(job, JobState.CANCELLED, null);
        } else if (jobs.closing() && (e.code().equals("cancelled") || e.code().equals("worker-died"))) {
            jobs.interrupted(job);
        } else if (e.code().equals("worker-died")) {
            jobs.died(job);
        } else {
            jobs.finished(job, JobState.ERROR, Problem.of(e));
        }
    }

    private final class Watch implements Control {
        private final Job job;
        private final Instant end = Instant.now().plus(jobTime);

        Watch(Job job) {
            this.job = job;
        }

        @Override
        public void progress(long done, long total) {
            jobs.progress(job, done, total);
        }

        @Override
        public boolean cancelled() {
            return job.cancelRequested() || jobs.closing();
        }

        @Override
        public Optional<Instant> deadline() {
            return Optional.of(end);
        }
    }
}
