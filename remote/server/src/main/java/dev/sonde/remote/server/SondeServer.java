package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.spi.Backend;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import java.lang.System.Logger.Level;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A running service. */
public final class SondeServer implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(SondeServer.class.getName());
    private static final Duration CLOSING = Duration.ofSeconds(30);

    private final ServerOptions options;
    private final Jobs jobs;
    private final List<ModelRunner> runners = new ArrayList<>();
    private final Events events;
    private final Javalin http;

    private SondeServer(ServerOptions options) {
        this.options = options;
        ApiKeys keys = ApiKeys.read(options.keys());
        this.jobs = new Jobs(options.data(), options.queueLength(), options.keptJobs());
        this.events = new Events(jobs);
        Routes routes = new Routes(options, jobs, keys, events);
        this.http = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.startup.showOldJavalinVersionWarning = false;
            config.http.compressionStrategy = CompressionStrategy.NONE;
            config.http.asyncTimeout = 0;
            routes.register(config.routes);
        });
        options.models()
                .forEach((name, backend) ->
                        runners.add(new ModelRunner(name, backend, jobs, options.limits(), options.jobTime())));
    }

    /**
     * Starts a service; jobs that a former one left in the data folder go on.
     *
     * @throws SondeException {@code bad-keys}, {@code bad-data-folder}, or {@code cannot-listen} if the port is taken
     */
    public static SondeServer open(ServerOptions options) {
        SondeServer server = new SondeServer(options);
        try {
            server.http.start(options.host(), options.port());
        } catch (RuntimeException e) {
            server.close();
            throw new SondeException(
                    "cannot-listen", "Cannot listen on " + options.host() + " port " + options.port(), e);
        }
        server.runners.forEach(ModelRunner::start);
        return server;
    }

    /** Returns where the service answers. */
    public URI uri() {
        String host = options.host().contains(":") ? "[" + options.host() + "]" : options.host();
        return URI.create("http://" + host + ":" + http.port());
    }

    /** Stops; jobs that wait or run are kept for the next start. Closes the models. */
    @Override
    public void close() {
        jobs.close();
        events.close();
        http.stop();
        boolean interrupted = false;
        for (ModelRunner runner : runners) {
            try {
                runner.join(CLOSING);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        for (Backend backend : options.models().values()) {
            try {
                backend.close();
            } catch (RuntimeException e) {
                LOG.log(Level.WARNING, "a model did not close", e);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
