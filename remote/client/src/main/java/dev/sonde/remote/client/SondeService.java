package dev.sonde.remote.client;

import dev.sonde.Model;
import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.remote.protocol.ModelEntry;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.ServiceStatus;
import dev.sonde.remote.protocol.Submitted;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** A service that runs experiments on its own models. Safe for many threads. */
public final class SondeService implements AutoCloseable {
    private final Http http;

    private SondeService(Http http) {
        this.http = http;
    }

    /**
     * Connects to a service and asks it one question, so that a wrong address or key shows here.
     *
     * @param uri such as {@code http://127.0.0.1:8080}
     * @param apiKey null for a service that asks for none
     * @throws SondeException {@code server-down}, {@code wrong-key}, {@code protocol-version}, {@code bad-response} if
     *     something else answers there
     */
    public static SondeService connect(URI uri, @Nullable String apiKey) {
        SondeService service = new SondeService(new Http(uri, apiKey));
        try {
            service.status();
            return service;
        } catch (RuntimeException e) {
            service.close();
            throw e;
        }
    }

    /** Asks how the service is doing. */
    public ServiceStatus status() {
        return http.get(http.at(Protocol.STATUS).build(), ServiceStatus.class);
    }

    /** Asks which models the service offers. */
    public List<ModelEntry> models() {
        return status().models();
    }

    /**
     * Returns a model of the service; experiments run on it as on one opened here. Closing it leaves the service alone.
     *
     * @throws SondeException {@code unknown-model} with the names that the service has
     */
    public Model model(String name) {
        return new RemoteModel(backend(name, () -> {}));
    }

    /** Returns what runs graphs on a model, and calls {@code closing} when it is closed. */
    RemoteBackend backend(String name, Runnable closing) {
        String text = new String(http.get(http.at(Protocol.MODELS, name).build()), StandardCharsets.UTF_8);
        ModelManifest manifest;
        try {
            manifest = ManifestFile.read(text, "manifest of '" + name + "'");
        } catch (SondeException e) {
            throw new SondeException("bad-response", http.where() + " answered with no manifest. " + e.problem(), e);
        }
        boolean tokenizer = models().stream().anyMatch(each -> each.name().equals(name) && each.tokenizer());
        return new RemoteBackend(this, http, name, manifest, tokenizer, closing);
    }

    /**
     * Submits a graph.
     *
     * @param model name of the model
     * @param idempotencyKey submissions with equal keys are one job; null makes a new one
     * @throws SondeException {@code unknown-model}, {@code queue-full}, or why the graph does not fit the model
     */
    public Job submit(String model, InterventionGraph graph, @Nullable String idempotencyKey) {
        return submit(model, GraphFile.write(graph), idempotencyKey);
    }

    /**
     * Submits a graph's file.
     *
     * @param model name of the model
     * @param graph its bytes
     * @param idempotencyKey submissions with equal keys are one job; null makes a new one
     * @throws SondeException {@code unknown-model}, {@code queue-full}, or why the graph does not fit the model
     */
    public Job submit(String model, byte[] graph, @Nullable String idempotencyKey) {
        String key = idempotencyKey == null ? UUID.randomUUID().toString() : idempotencyKey;
        HttpUrl url =
                http.at(Protocol.REQUEST).addQueryParameter("model", model).build();
        byte[] answer = http.post(url, graph, Protocol.SAFETENSORS, Map.of(Protocol.IDEMPOTENCY_HEADER, key));
        return job(http.read(answer, Submitted.class).id());
    }

    /** Returns a handle on a job submitted before; the service is not asked yet. */
    public Job job(String id) {
        return new Job(http, id);
    }

    /** Frees connections; jobs go on. */
    @Override
    public void close() {
        http.close();
    }
}
