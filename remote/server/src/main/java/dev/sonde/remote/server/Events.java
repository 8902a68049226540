package dev.sonde.remote.server;

import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.Json;
import io.javalin.http.sse.SseClient;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Tells clients of a job's changes as they come, each on a thread of its own so that a slow one holds up nobody. */
final class Events implements AutoCloseable {
    private static final int MOST_CLIENTS = 64;
    private static final long SILENCE_MILLIS = 10_000;
    private static final long LONGEST_NANOS = TimeUnit.HOURS.toNanos(2);

    private final Jobs jobs;
    private final ExecutorService threads =
            new ThreadPoolExecutor(0, MOST_CLIENTS, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                Thread thread = new Thread(task, "sonde-events");
                thread.setDaemon(true);
                return thread;
            });

    Events(Jobs jobs) {
        this.jobs = jobs;
    }

    void watch(Job job, SseClient client) {
        client.keepAlive();
        try {
            threads.execute(() -> send(job, client));
        } catch (RejectedExecutionException e) {
            client.sendEvent("busy", "this service's limit 'event streams' is " + MOST_CLIENTS);
            client.close();
        }
    }

    private void send(Job job, SseClient client) {
        long end = System.nanoTime() + LONGEST_NANOS;
        try (client) {
            JobStatus status = jobs.status(job);
            client.sendEvent("status", Json.write(status));
            while (!status.state().isFinal()
                    && !client.terminated()
                    && !jobs.closing()
                    && System.nanoTime() - end < 0) {
                JobStatus now = jobs.awaitChange(job, status, SILENCE_MILLIS);
                if (now.equals(status)) {
                    client.sendComment("still here");
                } else {
                    client.sendEvent("status", Json.write(now));
                }
                status = now;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
