package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.Json;
import dev.sonde.remote.protocol.Price;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.remote.protocol.TextFacts;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** The worker's side of the pipe: answers each question on a thread of its own. */
final class Worker {
    private final Backend backend;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Map<Long, Watch> running = new ConcurrentHashMap<>();

    Worker(Backend backend, DataInputStream in, DataOutputStream out) {
        this.backend = backend;
        this.in = in;
        this.out = out;
    }

    /** Returns when the server has closed its side. */
    void serve() throws IOException {
        // The server has at most one job under way and a few questions, so that there is no need of a bound here.
        ExecutorService threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "sonde-worker");
            thread.setDaemon(true);
            return thread;
        });
        send(Frame.of(WorkerMessage.hello(
                ManifestFile.write(backend.manifest()), backend.tokenizer().isPresent())));
        @Nullable Frame frame = Frame.read(in);
        while (frame != null) {
            Frame question = frame;
            long id = question.header().id();
            if (question.header().kind() == WorkerMessage.Kind.CANCEL) {
                @Nullable Watch watch = running.get(id);
                if (watch != null) {
                    watch.cancelled = true;
                }
            } else {
                // Registered before it starts, so that a cancel that follows at once is not lost.
                running.put(id, new Watch(id, question.header().deadline()));
                threads.execute(() -> answer(question));
            }
            frame = Frame.read(in);
        }
        threads.shutdownNow();
    }

    private void answer(Frame question) {
        long id = question.header().id();
        Frame answer;
        try {
            answer = Frame.of(work(question));
        } catch (SondeException e) {
            answer = Frame.of(WorkerMessage.failed(id, Problem.of(e)));
        } catch (IOException | RuntimeException | StackOverflowError e) {
            e.printStackTrace();
            answer = Frame.of(WorkerMessage.failed(
                    id,
                    new Problem("internal", "The engine failed: " + e.getClass().getSimpleName())));
        } catch (Error e) {
            // Memory that ran out or a library that does not load: a fresh process knows better what it can do.
            e.printStackTrace();
            Runtime.getRuntime().halt(3);
            return;
        } finally {
            running.remove(id);
        }
        try {
            send(answer);
        } catch (IOException e) {
            // The server is gone; the reading side ends this process.
        }
    }

    private WorkerMessage work(Frame question) throws IOException {
        WorkerMessage header = question.header();
        return switch (header.kind()) {
            case PREPARE -> {
                Prepared prepared = prepare(question.payload(), header.limits());
                yield WorkerMessage.answer(header.id(), new Price(prepared.cost(), prepared.structureKey()));
            }
            case RUN -> run(question);
            case ENCODE -> {
                String text = Objects.requireNonNull(header.text());
                long[] ids = header.plain()
                        ? tokenizer().encodePlain(text)
                        : tokenizer().encode(text);
                yield WorkerMessage.answer(header.id(), IdsBody.of(ids).ids());
            }
            case DECODE -> {
                IdsBody ids = new IdsBody(Objects.requireNonNull(header.ids()));
                yield WorkerMessage.answer(header.id(), tokenizer().decode(ids.toArray()));
            }
            case TEXTS -> WorkerMessage.answer(header.id(), Json.write(TextFacts.of(tokenizer())));
            default -> throw new IOException("the server asked " + header.kind());
        };
    }

    private Tokenizer tokenizer() {
        return backend.tokenizer().orElseThrow(() -> new SondeException("no-tokenizer", "The model has no tokenizer"));
    }

    private Prepared prepare(ByteBuffer graph, @Nullable Limits limits) {
        return backend.prepare(GraphFile.read(graph, "graph"), Objects.requireNonNull(limits));
    }

    private WorkerMessage run(Frame question) throws IOException {
        WorkerMessage header = question.header();
        Watch watch = Objects.requireNonNull(running.get(header.id()));
        List<Prepared> prepared = new ArrayList<>();
        int start = 0;
        for (int size : Objects.requireNonNull(header.sizes())) {
            prepared.add(prepare(question.payload().slice(start, size), header.limits()));
            start += size;
        }
        List<Results> results = backend.run(prepared, watch);
        for (int i = 0; i < results.size(); i++) {
            send(Frame.of(WorkerMessage.result(header.id(), i), ResultsFile.write(results.get(i))));
        }
        return WorkerMessage.answer(header.id());
    }

    private void send(Frame frame) throws IOException {
        synchronized (out) {
            frame.write(out);
        }
    }

    private final class Watch implements Control {
        private static final long PROGRESS_NANOS = 100_000_000;

        private final long id;
        private final Optional<Instant> deadline;
        private volatile boolean cancelled;
        private volatile long told = System.nanoTime() - PROGRESS_NANOS;

        Watch(long id, @Nullable Long deadline) {
            this.id = id;
            this.deadline = Optional.ofNullable(deadline).map(Instant::ofEpochMilli);
        }

        @Override
        public void progress(long done, long total) {
            long now = System.nanoTime();
            if (now - told < PROGRESS_NANOS && done != total) {
                return;
            }
            told = now;
            try {
                send(Frame.of(WorkerMessage.progress(id, done, total)));
            } catch (IOException e) {
                cancelled = true;
            }
        }

        @Override
        public boolean cancelled() {
            return cancelled;
        }

        @Override
        public Optional<Instant> deadline() {
            return deadline;
        }
    }
}
