package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.manifest.NearestNames;
import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.Json;
import dev.sonde.remote.protocol.ModelEntry;
import dev.sonde.remote.protocol.Price;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.ServiceStatus;
import dev.sonde.remote.protocol.Submitted;
import dev.sonde.remote.protocol.TextBody;
import dev.sonde.remote.protocol.TextFacts;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Tokenizer;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import io.javalin.http.HttpResponseException;
import io.javalin.http.sse.SseHandler;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What the service answers to which request. Names and ids from requests are looked up in maps, never in the file system. */
final class Routes {
    private static final System.Logger LOG = System.getLogger(Routes.class.getName());
    private static final String OWNER = "sonde.owner";

    private final ServerOptions options;
    private final Jobs jobs;
    private final ApiKeys keys;
    private final Events events;
    private final List<String> registered = new ArrayList<>();

    Routes(ServerOptions options, Jobs jobs, ApiKeys keys, Events events) {
        this.options = options;
        this.jobs = jobs;
        this.keys = keys;
        this.events = events;
    }

    /** Returns all routes, such as {@code GET /ping}. */
    List<String> registered() {
        return List.copyOf(registered);
    }

    void register(RoutesConfig routes) {
        routes.before(this::admit);
        add(routes, HandlerType.GET, Protocol.PING, this::ping);
        add(routes, HandlerType.GET, Protocol.STATUS, this::status);
        add(routes, HandlerType.GET, Protocol.ENV, this::env);
        add(routes, HandlerType.GET, Protocol.OPENAPI, this::openapi);
        add(routes, HandlerType.GET, Protocol.MODELS, this::models);
        add(routes, HandlerType.GET, Protocol.MODELS + "/{name}", this::model);
        add(routes, HandlerType.POST, Protocol.MODELS + "/{name}/tokens", this::tokens);
        add(routes, HandlerType.POST, Protocol.MODELS + "/{name}/text", this::text);
        add(routes, HandlerType.GET, Protocol.MODELS + "/{name}/texts", this::texts);
        add(routes, HandlerType.POST, Protocol.MODELS + "/{name}/price", this::price);
        add(routes, HandlerType.POST, Protocol.REQUEST, this::submit);
        add(routes, HandlerType.DELETE, Protocol.REQUEST + "/{id}", this::cancel);
        add(routes, HandlerType.GET, Protocol.RESPONSE + "/{id}", this::response);
        add(routes, HandlerType.GET, Protocol.RESPONSE + "/{id}/result", this::result);
        add(routes, HandlerType.GET, Protocol.RESPONSE + "/{id}/events", this::events);
        routes.exception(Refusal.class, (e, ctx) -> refuse(ctx, e.status(), Problem.of(e)));
        routes.exception(SondeException.class, (e, ctx) -> refuse(ctx, status(e), Problem.of(e)));
        routes.exception(HttpResponseException.class, (e, ctx) -> refuse(ctx, e.getStatus(), http(e)));
        routes.exception(Exception.class, this::failed);
    }

    private void add(RoutesConfig routes, HandlerType method, String path, Handler handler) {
        registered.add(method.name() + " " + path);
        routes.addHttpHandler(method, path, handler);
    }

    private void admit(Context ctx) {
        ctx.header(Protocol.VERSION_HEADER, Integer.toString(Protocol.VERSION));
        Protocol.check("client", ctx.header(Protocol.VERSION_HEADER));
        if (!ctx.path().equals(Protocol.PING)) {
            ctx.attribute(OWNER, keys.holder(ctx.header("Authorization")));
        }
    }

    private static String owner(Context ctx) {
        @Nullable String owner = ctx.attribute(OWNER);
        if (owner == null) {
            throw new IllegalStateException("the request was not admitted");
        }
        return owner;
    }

    private static int status(SondeException e) {
        return switch (e.code()) {
            case "worker-died", "worker-failed" -> 503;
            default -> 400;
        };
    }

    private static Problem http(HttpResponseException e) {
        return new Problem(e.getStatus() == 404 ? "unknown-path" : "bad-request", String.valueOf(e.getMessage()));
    }

    private void failed(Exception e, Context ctx) {
        LOG.log(Level.ERROR, "a request failed", e);
        refuse(ctx, 500, new Problem("internal", "The service failed on this request; its log says why"));
    }

    private static void refuse(Context ctx, int status, Problem problem) {
        json(ctx.status(status), problem);
    }

    private static void json(Context ctx, Object message) {
        ctx.contentType(Protocol.JSON).result(Json.write(message));
    }

    private void ping(Context ctx) {
        json(ctx, "pong");
    }

    private void status(Context ctx) {
        json(ctx, new ServiceStatus(Protocol.VERSION, jobs.queued(), jobs.running(), entries()));
    }

    private void env(Context ctx) {
        @Nullable String version = Routes.class.getPackage().getImplementationVersion();
        Map<String, String> env = new TreeMap<>();
        env.put("sonde", version == null ? "development" : version);
        env.put("java", Runtime.version().toString());
        env.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        env.put("protocol", Integer.toString(Protocol.VERSION));
        env.put("graph", Integer.toString(GraphFile.VERSION));
        json(ctx, env);
    }

    private void openapi(Context ctx) throws IOException {
        try (InputStream in = Routes.class.getResourceAsStream("openapi.yaml")) {
            if (in == null) {
                throw new IOException("openapi.yaml is missing from the jar");
            }
            ctx.contentType("application/yaml").result(in.readAllBytes());
        }
    }

    private List<ModelEntry> entries() {
        List<ModelEntry> entries = new ArrayList<>();
        options.models()
                .forEach((name, backend) -> entries.add(new ModelEntry(
                        name, backend.manifest().sha256(), backend.tokenizer().isPresent())));
        return entries;
    }

    private void models(Context ctx) {
        json(ctx, entries());
    }

    private Backend backend(@Nullable String name) {
        if (name == null) {
            throw new Refusal(400, "bad-request", "The query parameter 'model' is missing");
        }
        @Nullable Backend backend = options.models().get(name);
        if (backend == null) {
            throw new Refusal(
                    404,
                    "unknown-model",
                    "This service has no model '" + name + "'."
                            + NearestNames.didYouMean(name, options.models().keySet()) + " It has: "
                            + String.join(", ", options.models().keySet()));
        }
        return backend;
    }

    private void model(Context ctx) {
        String name = ctx.pathParam("name");
        ctx.contentType(Protocol.JSON)
                .result(ManifestFile.write(backend(name).manifest().named(name)));
    }

    private Tokenizer tokenizer(Context ctx) {
        String name = ctx.pathParam("name");
        return backend(name)
                .tokenizer()
                .orElseThrow(() -> new Refusal(404, "no-tokenizer", "Model '" + name + "' has no tokenizer"));
    }

    private void tokens(Context ctx) throws IOException {
        Tokenizer tokenizer = tokenizer(ctx);
        TextBody body = Json.read(new String(body(ctx), StandardCharsets.UTF_8), TextBody.class);
        json(ctx, IdsBody.of(body.plain() ? tokenizer.encodePlain(body.text()) : tokenizer.encode(body.text())));
    }

    private void text(Context ctx) throws IOException {
        Tokenizer tokenizer = tokenizer(ctx);
        IdsBody body = Json.read(new String(body(ctx), StandardCharsets.UTF_8), IdsBody.class);
        json(ctx, new TextBody(tokenizer.decode(body.toArray()), false));
    }

    private void texts(Context ctx) {
        json(ctx, TextFacts.of(tokenizer(ctx)));
    }

    private void price(Context ctx) throws IOException {
        Prepared prepared = prepare(backend(ctx.pathParam("name")), body(ctx));
        json(ctx, new Price(prepared.cost(), prepared.structureKey()));
    }

    private Prepared prepare(Backend backend, byte[] body) {
        InterventionGraph graph = GraphFile.read(ByteBuffer.wrap(body), "request body");
        return backend.prepare(graph, options.limits());
    }

    private void submit(Context ctx) throws IOException {
        @Nullable String name = ctx.queryParam("model");
        Backend backend = backend(name);
        @Nullable String key = ctx.header(Protocol.IDEMPOTENCY_HEADER);
        if (key != null && key.length() > Protocol.IDEMPOTENCY_LETTERS) {
            throw new Refusal(
                    400,
                    "bad-request",
                    "The header " + Protocol.IDEMPOTENCY_HEADER + " has " + key.length()
                            + " letters but this service's limit 'idempotency key' is "
                            + Protocol.IDEMPOTENCY_LETTERS);
        }
        byte[] body = body(ctx);
        prepare(backend, body);
        Job job = jobs.submit(String.valueOf(name), owner(ctx), key, body);
        json(ctx.status(202), new Submitted(job.record().id()));
    }

    private Job job(Context ctx) {
        return jobs.find(ctx.pathParam("id"), owner(ctx));
    }

    private void cancel(Context ctx) {
        Job job = job(ctx);
        jobs.cancel(job);
        json(ctx, jobs.status(job));
    }

    private void response(Context ctx) {
        Job job = job(ctx);
        @Nullable String wait = ctx.queryParam("wait");
        if (wait != null && !wait.matches("[0-9]{1,4}")) {
            throw new Refusal(400, "bad-request", "The query parameter 'wait' is not a whole number of seconds");
        }
        int seconds = wait == null ? 0 : Math.min(Integer.parseInt(wait), Protocol.LONGEST_WAIT);
        if (seconds == 0 || job.finished().isDone()) {
            json(ctx, jobs.status(job));
            return;
        }
        ctx.future(() -> {
            CompletableFuture<Void> end = job.finished().copy().completeOnTimeout(null, seconds, TimeUnit.SECONDS);
            return end.thenRunAsync(() -> json(ctx, jobs.status(job)));
        });
    }

    private void result(Context ctx) throws IOException {
        Job job = job(ctx);
        JobStatus status = jobs.status(job);
        if (status.state() == JobState.ERROR && status.error() != null) {
            throw new Refusal(409, status.error().code(), status.error().message());
        }
        if (status.state() == JobState.CANCELLED) {
            throw new Refusal(409, "cancelled", "The job was cancelled; it has no result");
        }
        if (status.state() != JobState.COMPLETED) {
            throw new Refusal(409, "not-finished", "The job is " + status.state() + "; it has no result yet");
        }
        Path file = jobs.journal().result(status.id());
        try {
            ctx.contentType(Protocol.SAFETENSORS)
                    .header("Content-Length", Long.toString(Files.size(file)))
                    .result(Files.newInputStream(file));
        } catch (NoSuchFileException e) {
            throw new Refusal(404, "result-gone", "The result of the job was deleted", e);
        }
    }

    private void events(Context ctx) throws Exception {
        // Looked up before the stream opens: after that there is no status left to refuse with.
        Job job = job(ctx);
        @Nullable String accept = ctx.header("Accept");
        if (accept == null || !accept.contains("text/event-stream")) {
            throw new Refusal(406, "bad-request", "Events need the header 'Accept: text/event-stream'");
        }
        new SseHandler(client -> events.watch(job, client)).handle(ctx);
    }

    private byte[] body(Context ctx) throws IOException {
        int limit = options.bodyBytes();
        InputStream in = ctx.bodyInputStream();
        byte[] body = in.readNBytes(limit + 1);
        if (body.length > limit) {
            // Some more is read and dropped: a client that is cut off in the middle of sending never sees the answer.
            in.skip(limit);
            throw new Refusal(
                    413, "body-too-large", "The request is larger than this service's limit 'body bytes', " + limit);
        }
        return body;
    }
}
