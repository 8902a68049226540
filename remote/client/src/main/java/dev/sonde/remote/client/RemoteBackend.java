package dev.sonde.remote.client;

import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.Price;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs graphs on a service, one job each. */
final class RemoteBackend implements Backend {
    private static final Duration WATCHED = Duration.ofSeconds(1);
    private static final Duration UNWATCHED = Duration.ofSeconds(30);

    private final SondeService service;
    private final Http http;
    private final String name;
    private final ModelManifest manifest;
    private final Optional<Tokenizer> tokenizer;
    private final Runnable closing;

    RemoteBackend(
            SondeService service, Http http, String name, ModelManifest manifest, boolean tokenizer, Runnable closing) {
        this.service = service;
        this.http = http;
        this.name = name;
        this.manifest = manifest;
        this.tokenizer = tokenizer ? Optional.of(new RemoteTokenizer(http, name)) : Optional.empty();
        this.closing = closing;
    }

    @Override
    public ModelManifest manifest() {
        return manifest;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return tokenizer;
    }

    /** The service checks the graph against its own limits; {@code limits} are held to its estimate. */
    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        byte[] bytes = GraphFile.write(graph);
        byte[] answer =
                http.post(http.at(Protocol.MODELS, name, "price").build(), bytes, Protocol.SAFETENSORS, Map.of());
        Price price = http.read(answer, Price.class);
        Cost cost = price.cost();
        check("nodes", graph.nodes().size(), limits.nodes());
        check("runs", graph.runs().size(), limits.runs());
        check("tokens", cost.tokens(), limits.tokens());
        check("result-bytes", cost.resultBytes(), limits.resultBytes());
        return new RemotePrepared(graph, cost, price.structureKey());
    }

    private static void check(String limit, long wanted, long most) {
        if (wanted > most) {
            throw new SondeException(
                    "limit-" + limit, "The graph asks for " + wanted + " " + limit + " but the limit is " + most);
        }
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        List<Job> jobs = new ArrayList<>();
        try {
            for (Prepared each : prepared) {
                jobs.add(service.submit(name, each.graph(), null));
            }
            List<Results> results = new ArrayList<>();
            for (Job job : jobs) {
                await(job, control);
                results.add(job.result());
            }
            return results;
        } catch (RuntimeException e) {
            jobs.forEach(RemoteBackend::abandon);
            throw e;
        }
    }

    private static void abandon(Job job) {
        try {
            job.cancel();
        } catch (SondeException e) {
            // What made us give up is told already; the service ends the job by its own limits.
        }
    }

    private void await(Job job, Control control) {
        Duration step = control == Control.NONE ? UNWATCHED : WATCHED;
        JobStatus status = job.status();
        while (!status.state().isFinal()) {
            if (control.cancelled()) {
                throw new SondeException("cancelled", "The work was cancelled");
            }
            Optional<Instant> deadline = control.deadline();
            if (deadline.isPresent() && Instant.now().isAfter(deadline.get())) {
                throw new SondeException("deadline", "The work was not done by " + deadline.get());
            }
            status = job.await(step);
            control.progress(status.done(), status.total());
        }
        if (status.state() == JobState.ERROR && status.error() != null) {
            throw status.error().toException();
        }
    }

    @Override
    public void close() {
        closing.run();
    }
}
