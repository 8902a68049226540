package dev.sonde.remote.server;

import dev.sonde.spi.Backend;
import dev.sonde.spi.Limits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How to serve. {@link #of} gives the defaults; the {@code with} methods return changed copies.
 *
 * @param data folder for jobs and results; made if it is missing
 * @param models what to serve, by name; the server closes them
 * @param keys file with one {@code name sha256hex} per line; null lets everyone in
 * @param host address to listen on
 * @param port 0 takes a free one
 * @param limits for one graph
 * @param bodyBytes the largest request
 * @param queueLength the most jobs of one model that may wait
 * @param keptJobs how many finished jobs are kept; the oldest go first
 * @param jobTime the longest that one job may run
 */
public record ServerOptions(
        Path data,
        Map<String, Backend> models,
        @Nullable Path keys,
        String host,
        int port,
        Limits limits,
        int bodyBytes,
        int queueLength,
        int keptJobs,
        Duration jobTime) {
    /** Copies its map. */
    public ServerOptions {
        models = Collections.unmodifiableMap(new LinkedHashMap<>(models));
    }

    /** Returns defaults: loopback, a free port, no keys, {@link Limits#SHARED}, no models yet. */
    public static ServerOptions of(Path data) {
        return new ServerOptions(
                data, Map.of(), null, "127.0.0.1", 0, Limits.SHARED, 64 << 20, 1000, 10_000, Duration.ofMinutes(30));
    }

    /** Returns a copy that also serves {@code backend} as {@code name}. */
    public ServerOptions withModel(String name, Backend backend) {
        Map<String, Backend> more = new LinkedHashMap<>(models);
        more.put(name, backend);
        return new ServerOptions(data, more, keys, host, port, limits, bodyBytes, queueLength, keptJobs, jobTime);
    }

    /** Returns a copy that lets in only the holders of the keys in {@code file}. */
    public ServerOptions withKeys(Path file) {
        return new ServerOptions(data, models, file, host, port, limits, bodyBytes, queueLength, keptJobs, jobTime);
    }

    /** Returns a copy that listens elsewhere. */
    public ServerOptions withAddress(String newHost, int newPort) {
        return new ServerOptions(
                data, models, keys, newHost, newPort, limits, bodyBytes, queueLength, keptJobs, jobTime);
    }

    /** Returns a copy with other limits on what one request may ask. */
    public ServerOptions withLimits(Limits newLimits, int newBodyBytes, Duration newJobTime) {
        return new ServerOptions(
                data, models, keys, host, port, newLimits, newBodyBytes, queueLength, keptJobs, newJobTime);
    }

    /** Returns a copy with other limits on how many jobs wait and are kept. */
    public ServerOptions withJobs(int newQueueLength, int newKeptJobs) {
        return new ServerOptions(
                data, models, keys, host, port, limits, bodyBytes, newQueueLength, newKeptJobs, jobTime);
    }
}
