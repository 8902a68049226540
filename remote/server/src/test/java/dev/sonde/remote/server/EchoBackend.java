package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model that saves constants. Constants saved as {@code die}, {@code sleep}, {@code stuck} and {@code fail} make it end its
 * process, take that many milliseconds, do so without asking whether to stop, and fail.
 */
final class EchoBackend implements Backend {
    static final String SHA = "ec40".repeat(16);

    private record Echo(InterventionGraph graph, Cost cost, String structureKey) implements Prepared {}

    static InterventionGraph graph(Map<String, Tensor> saves) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        List<Node> nodes = saves.values().stream().<Node>map(Node.Constant::new).toList();
        saves.keySet().forEach(name -> ids.put(name, ids.size()));
        return new InterventionGraph(SHA, List.of(), nodes, List.of(), ids);
    }

    static InterventionGraph graph(String name, float... values) {
        return graph(Map.of(name, Tensor.of(values, values.length)));
    }

    @Override
    public ModelManifest manifest() {
        return new ModelManifest(
                "echo",
                SHA,
                "test",
                List.of(),
                List.of(),
                List.of(),
                Map.of(),
                List.of(),
                new ModelManifest.Placement(0, 0, List.of()));
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return Optional.of(new Letters());
    }

    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        if (!graph.model().equals(SHA)) {
            throw new SondeException("other-model", "The graph was recorded on another model");
        }
        long bytes = constants(graph).values().stream()
                .mapToLong(each -> each.bytes().remaining())
                .sum();
        if (bytes > limits.resultBytes()) {
            throw new SondeException(
                    "limit-result-bytes", bytes + " result bytes are more than the limit " + limits.resultBytes());
        }
        return new Echo(graph, new Cost(0, 0, bytes), "echo");
    }

    private static Map<String, Tensor> constants(InterventionGraph graph) {
        Map<String, Tensor> saved = new LinkedHashMap<>();
        graph.saves().forEach((name, id) -> {
            if (!(graph.nodes().get(id) instanceof Node.Constant constant)) {
                throw new SondeException("echo-only", "The echo knows constants only");
            }
            saved.put(name, constant.value());
        });
        return saved;
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        return prepared.stream()
                .map(each -> {
                    Map<String, Tensor> saved = constants(each.graph());
                    obey(saved, control);
                    return new Results(saved, Map.of("made-by", "echo"));
                })
                .toList();
    }

    private static void obey(Map<String, Tensor> saved, Control control) {
        if (saved.containsKey("die")) {
            Runtime.getRuntime().halt(17);
        }
        if (saved.containsKey("fail")) {
            throw new SondeException("echo-failed", "The echo failed as it was told");
        }
        if (saved.containsKey("stuck")) {
            pause((long) saved.get("stuck").at(0));
        }
        if (saved.containsKey("sleep")) {
            long end = System.nanoTime() + (long) (saved.get("sleep").at(0) * 1_000_000);
            for (long step = 0; System.nanoTime() < end; step++) {
                control.progress(step, step + 1);
                if (control.cancelled()) {
                    throw new SondeException("cancelled", "The work was cancelled");
                }
                Optional<Instant> deadline = control.deadline();
                if (deadline.isPresent() && Instant.now().isAfter(deadline.get())) {
                    throw new SondeException("deadline", "The work took longer than it may");
                }
                pause(10);
            }
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new SondeException("cancelled", "The work was cancelled", e);
        }
    }

    @Override
    public void close() {}

    /** One token a letter, between a 1 and a 2. */
    private static final class Letters implements Tokenizer {
        @Override
        public long[] encode(String text) {
            long[] plain = encodePlain(text);
            long[] ids = new long[plain.length + 2];
            ids[0] = 1;
            System.arraycopy(plain, 0, ids, 1, plain.length);
            ids[ids.length - 1] = 2;
            return ids;
        }

        @Override
        public long[] encodePlain(String text) {
            return text.chars().mapToLong(letter -> letter).toArray();
        }

        @Override
        public String decode(long... ids) {
            byte[] letters = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                letters[i] = (byte) ids[i];
            }
            return new String(letters, StandardCharsets.ISO_8859_1);
        }
    }
}
