package dev.sonde.bench;

import ai.onnxruntime.OrtException;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Measures generation against a hand-written loop over the same file, in pairs that take turns, and prints JSON lines:
 *
 * <pre>java -cp bench/target/sonde-bench.jar dev.sonde.bench.GenerationBench --models DIR [--only W7,W7s,W7r] [--pairs 15] [--threads 1]</pre>
 *
 * <p>{@code W7} is plain, {@code W7s} steered at every step, {@code W7r} reads one site at every step; the latter two take turns
 * with plain generation as well. Every result is compared with {@code reference.npz} first; a wrong one gets no time. A ratio's
 * interval holds 95 % for the mean of its logarithms.
 */
public final class GenerationBench {
    private static final String ALL = "W7,W7s,W7r";
    private static final int WARM_UPS = 4;

    private final OnnxModel model;
    private final BareLoop bare;
    private final List<Long> prompt;
    private final int count;
    private final int layer;
    private final float[] steer;
    private final int pairs;
    private final Map<String, double[]> reference;
    private Consumer<JsonObject> out = System.out::println;

    private GenerationBench(Path models, int pairs, int threads) throws IOException, OrtException {
        JsonObject inputs = JsonParser.parseString(Files.readString(models.resolve("inputs.json")))
                .getAsJsonObject();
        JsonArray ids = inputs.getAsJsonArray("gen_prompt");
        JsonArray row = ids.get(0).isJsonArray() ? ids.get(0).getAsJsonArray() : ids;
        this.prompt = row.asList().stream().map(JsonElement::getAsLong).toList();
        this.count = inputs.get("gen_tokens").getAsInt();
        this.layer = inputs.get("steer_layer").getAsInt();
        List<JsonElement> vector = inputs.getAsJsonArray("steer").asList();
        this.steer = new float[vector.size()];
        float scale = inputs.get("steer_scale").getAsFloat();
        for (int i = 0; i < steer.length; i++) {
            steer[i] = vector.get(i).getAsFloat() * scale;
        }
        this.pairs = pairs;
        this.reference = Npz.read(models.resolve("reference.npz"));
        Path file = models.resolve("gpt2-small-random-past.onnx");
        // Sonde first: the first to ask for ONNX Runtime's environment decides on its threads.
        this.model = OnnxModel.open(file, Options.builder().threads(threads).build());
        this.bare = new BareLoop(file, threads, 12, 64);
    }

    /** Measures what the options name. */
    public static void main(String... args) throws IOException, OrtException {
        List<String> options = Arrays.asList(args);
        if (!options.contains("--models")) {
            System.err.println("usage: --models DIR [--only W7,W7s,W7r] [--pairs 15] [--threads 1]");
            System.exit(2);
        }
        GenerationBench bench = new GenerationBench(
                Path.of(value(options, "--models", "")),
                Integer.parseInt(value(options, "--pairs", "15")),
                Integer.parseInt(value(options, "--threads", "1")));
        bench.measure(List.of(value(options, "--only", ALL).split(",", -1)));
    }

    /** Measures with the settings of the other workloads. */
    static void measure(Bench bench) throws IOException, OrtException {
        Settings settings = bench.settings();
        int pairs = settings.checkOnly() ? 1 : settings.full() ? 31 : 15;
        GenerationBench own = new GenerationBench(settings.models(), pairs, settings.threads());
        own.out = bench::emit;
        own.measure(List.of(ALL.split(",", -1)));
    }

    private static String value(List<String> options, String name, String otherwise) {
        int at = options.indexOf(name);
        return at >= 0 && at + 1 < options.size() ? options.get(at + 1) : otherwise;
    }

    private void measure(List<String> names) throws OrtException {
        Site<Any> site = Site.of("layers." + layer + "#resid_post");
        Tensor vector = Tensor.of(steer, steer.length);
        Map<String, BiConsumer<Session, Generation>> works = new LinkedHashMap<>();
        works.put("W7", GenerationBench::plain);
        works.put("W7s", (s, g) -> {
            Value<Any> added = s.constant(vector);
            g.every(t -> t.update(site, v -> v.plus(added)));
        });
        works.put("W7r", (s, g) -> g.every(t -> t.keep("resid", t.get(site).at(Selector.last()))));
        works.keySet().retainAll(names);
        for (Map.Entry<String, BiConsumer<Session, Generation>> work : works.entrySet()) {
            measure(work.getKey(), work.getValue());
        }
        model.close();
        bare.close();
    }

    private Generation generate(int tokens, BiConsumer<Session, Generation> body) {
        GenerationOptions options =
                GenerationOptions.builder().maxNewTokens(tokens).stopTokens().build();
        return model.session(s -> s.generate(Input.rows(List.of(prompt)), options, g -> body.accept(s, g)));
    }

    /** Asks for nothing. */
    private static void plain(Session session, Generation generation) {}

    private void measure(String name, BiConsumer<Session, Generation> body) throws OrtException {
        JsonObject line = new JsonObject();
        line.addProperty("tool", "sonde");
        line.addProperty("workload", name);
        long start = System.nanoTime();
        Generation first = generate(count, body);
        line.addProperty("first_ms", (System.nanoTime() - start) / 1e6);
        String wrong = wrong(name, first);
        if (!wrong.isEmpty()) {
            line.addProperty("error", wrong);
            out.accept(line);
            return;
        }
        List<Work> works = new ArrayList<>(List.of(() -> generate(count, body), () -> bare.run(prompt, count)));
        if (!name.equals("W7")) {
            works.add(() -> generate(count, GenerationBench::plain));
        }
        double[][] seconds = takeTurns(works);
        double[] token = new double[pairs];
        for (int i = 0; i < pairs; i++) {
            token[i] = seconds(() -> generate(1, body));
        }
        report(line, seconds, token);
    }

    /** Returns the seconds of each work in each round; every round begins with another. */
    private double[][] takeTurns(List<Work> works) throws OrtException {
        double[][] seconds = new double[works.size()][pairs];
        for (int round = -WARM_UPS; round < pairs; round++) {
            for (int turn = 0; turn < works.size(); turn++) {
                int work = Math.floorMod(round + turn, works.size());
                double took = seconds(works.get(work));
                if (round >= 0) {
                    seconds[work][round] = took;
                }
            }
        }
        return seconds;
    }

    private String wrong(String name, Generation found) {
        double[] tokens = reference.get(name.equals("W7r") ? "W7" : name);
        List<Long> ids = found.value().ids();
        for (int i = 0; i < count; i++) {
            if (tokens == null || tokens[tokens.length - count + i] != ids.get(i)) {
                return "wrong token " + i;
            }
        }
        if (name.equals("W7r")) {
            double[] expected = reference.get("W7r");
            double[] reads = found.kept("resid").tensor().toDoubles();
            for (int i = 0; i < reads.length; i++) {
                if (expected == null || Math.abs(expected[i] - reads[i]) > 1e-3) {
                    return "wrong number " + i;
                }
            }
        }
        return "";
    }

    private void report(JsonObject line, double[][] seconds, double... token) {
        double[] ours = seconds[0];
        line.addProperty("median_ms", 1e3 * median(ours));
        line.addProperty("bare_median_ms", 1e3 * median(seconds[1]));
        ratio(line, "ratio", ours, seconds[1]);
        if (seconds.length > 2) {
            line.addProperty("plain_median_ms", 1e3 * median(seconds[2]));
            ratio(line, "plain_ratio", ours, seconds[2]);
        }
        line.addProperty("first_token_ms", 1e3 * median(token));
        line.addProperty("tokens_per_second", count / median(ours));
        line.addProperty("pairs", pairs);
        out.accept(line);
    }

    private void ratio(JsonObject line, String name, double[] ours, double... theirs) {
        double[] logs = new double[pairs];
        Arrays.setAll(logs, i -> Math.log(ours[i] / theirs[i]));
        double mean = Arrays.stream(logs).average().orElse(0);
        double variance = Arrays.stream(logs).map(x -> (x - mean) * (x - mean)).sum() / Math.max(1, pairs - 1);
        double half = 2.2 * Math.sqrt(variance / pairs); // Student's t of 11 or more pairs
        line.addProperty(name, rounded(Math.exp(mean)));
        line.addProperty(name + "_low", rounded(Math.exp(mean - half)));
        line.addProperty(name + "_high", rounded(Math.exp(mean + half)));
    }

    private static double rounded(double x) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.4f", x));
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private interface Work {
        void run() throws OrtException;
    }

    private static double seconds(Work work) throws OrtException {
        long start = System.nanoTime();
        work.run();
        return (System.nanoTime() - start) / 1e9;
    }
}
