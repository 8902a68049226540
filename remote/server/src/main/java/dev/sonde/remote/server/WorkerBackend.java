package dev.sonde.remote.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.sonde.SondeException;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.remote.protocol.DistantTokenizer;
import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.Json;
import dev.sonde.remote.protocol.Price;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.remote.protocol.TextFacts;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongFunction;

/**
 * A model in a process of its own, so that an engine that crashes, runs out of memory or gets stuck costs one job an attempt
 * and not the service. A dead process is replaced when the next question comes.
 */
public final class WorkerBackend implements Backend {
    private static final System.Logger LOG = System.getLogger(WorkerBackend.class.getName());
    private static final Duration QUESTION = Duration.ofMinutes(2);

    private record Checked(InterventionGraph graph, Limits limits, Cost cost, String structureKey)
            implements Prepared {}

    private final List<String> command;
    private final ModelManifest manifest;
    private final Optional<Tokenizer> tokenizer;

    @GuardedBy("this")
    private WorkerProcess process;

    @GuardedBy("this")
    private boolean closed;

    private WorkerBackend(List<String> command) {
        this.command = command;
        this.process = new WorkerProcess(command);
        WorkerMessage hello = process.hello();
        this.manifest = ManifestFile.read(Objects.requireNonNull(hello.text()), "manifest of the worker");
        this.tokenizer = hello.plain() ? Optional.of(new Asked()) : Optional.empty();
    }

    /**
     * Opens a model in a child process with this process' Java and class path.
     *
     * @param model its file or folder
     * @param jvmOptions for the child, such as {@code -Xmx4g}
     * @throws SondeException why the model does not open
     */
    public static WorkerBackend open(Path model, String... jvmOptions) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Djava.awt.headless=true");
        command.addAll(List.of(jvmOptions));
        command.add(WorkerMain.class.getName());
        command.add(model.toAbsolutePath().toString());
        return new WorkerBackend(List.copyOf(command));
    }

    @Override
    public ModelManifest manifest() {
        return manifest;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return tokenizer;
    }

    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        byte[] bytes = GraphFile.write(graph);
        Price price = ask(id -> WorkerMessage.prepare(id, limits), bytes, WorkerMessage::price);
        return new Checked(graph, limits, price.cost(), price.structureKey());
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        ByteArrayOutputStream graphs = new ByteArrayOutputStream();
        List<Integer> sizes = new ArrayList<>();
        Limits limits = Limits.NONE;
        for (Prepared each : prepared) {
            byte[] bytes = GraphFile.write(each.graph());
            graphs.writeBytes(bytes);
            sizes.add(bytes.length);
            limits = ((Checked) each).limits();
        }
        Long deadline = control.deadline().map(Instant::toEpochMilli).orElse(null);
        WorkerProcess worker = process();
        WorkerMessage question = WorkerMessage.run(worker.nextId(), limits, sizes, deadline);
        WorkerProcess.Answer answer = worker.ask(question, graphs.toByteArray(), control);
        if (answer.results().size() != prepared.size()) {
            throw new SondeException(
                    "worker-failed",
                    "The worker gave " + answer.results().size() + " results for " + prepared.size() + " graphs");
        }
        return answer.results().stream()
                .map(bytes -> ResultsFile.read(bytes, "result of the worker"))
                .toList();
    }

    /** Asks what has no effects, and asks a fresh worker if one dies over it. */
    private <T> T ask(LongFunction<WorkerMessage> question, byte[] payload, Function<WorkerMessage, T> part) {
        WorkerMessage answer;
        try {
            answer = askOnce(question, payload);
        } catch (SondeException e) {
            if (!e.code().equals("worker-died")) {
                throw e;
            }
            answer = askOnce(question, payload);
        }
        return Objects.requireNonNull(part.apply(answer), "the worker's answer");
    }

    private WorkerMessage askOnce(LongFunction<WorkerMessage> question, byte[] payload) {
        WorkerProcess worker = process();
        return worker.ask(question.apply(worker.nextId()), payload, WorkerProcess.atMost(QUESTION))
                .message();
    }

    private synchronized WorkerProcess process() {
        if (closed) {
            throw new SondeException("closed", "The model is closed");
        }
        if (process.isDead()) {
            LOG.log(Level.WARNING, "the worker of {0} died; a new one is started", manifest.name());
            process.close();
            process = new WorkerProcess(command);
        }
        return process;
    }

    @Override
    public synchronized void close() {
        closed = true;
        process.close();
    }

    private final class Asked extends DistantTokenizer {
        @Override
        public long[] encode(String text) {
            return ids(text, false);
        }

        @Override
        public long[] encodePlain(String text) {
            return ids(text, true);
        }

        private long[] ids(String text, boolean plain) {
            List<Long> ids = ask(id -> WorkerMessage.encode(id, text, plain), new byte[0], WorkerMessage::ids);
            return new IdsBody(ids).toArray();
        }

        @Override
        public String decode(long... ids) {
            List<Long> list = IdsBody.of(ids).ids();
            return ask(id -> WorkerMessage.decode(id, list), new byte[0], WorkerMessage::text);
        }

        @Override
        protected TextFacts askFacts() {
            return Json.read(ask(WorkerMessage::texts, new byte[0], WorkerMessage::text), TextFacts.class);
        }
    }
}
