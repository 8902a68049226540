package dev.sonde.bench;

import ai.onnxruntime.OrtException;
import com.google.gson.JsonObject;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Measures workloads and prints JSON lines:
 *
 * <pre>java -jar bench/target/sonde-bench.jar --models DIR [--out FILE] [--only W1,W4] [--threads 1] [--quick]</pre>
 *
 * <p>{@code DIR} is what {@code make_models.py} and {@code reference.py} of the peers' side of the benchmark wrote. Every result
 * is compared with {@code reference.npz} first; a wrong one gets no time. Calls take turns with a plain forward pass of the same
 * file on ONNX Runtime, {@code raw}, whose ratio {@code x_raw_median} is what can be compared between machines.
 */
public final class Main {
    private static final double TOLERANCE = 1e-3;
    private static final String FILE = "gpt2-small-random.onnx";

    private final Path models;
    private final int threads;
    private final boolean quick;
    private final Inputs inputs;
    private final Map<String, double[]> reference;
    private final List<String> lines = new ArrayList<>();

    private Main(Path models, int threads, boolean quick) throws IOException {
        this.models = models;
        this.threads = threads;
        this.quick = quick;
        this.inputs = Inputs.read(models.resolve("inputs.json"));
        this.reference = Npz.read(models.resolve("reference.npz"));
    }

    /** Measures what the options name. */
    public static void main(String... args) throws IOException, OrtException {
        List<String> options = Arrays.asList(args);
        if (!options.contains("--models")) {
            System.err.println("usage: --models DIR [--out FILE] [--only W1,W4] [--threads 1] [--quick]");
            System.exit(2);
        }
        Main bench = new Main(
                Path.of(value(options, "--models", "")),
                Integer.parseInt(value(options, "--threads", "1")),
                options.contains("--quick"));
        for (String name : value(options, "--only", "W1,W4,W5,W11").split(",", -1)) {
            bench.measure(Workload.valueOf(name));
        }
        String out = value(options, "--out", "");
        if (!out.isEmpty()) {
            Files.write(Path.of(out), bench.lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }

    private static String value(List<String> options, String name, String otherwise) {
        int at = options.indexOf(name);
        return at >= 0 && at + 1 < options.size() ? options.get(at + 1) : otherwise;
    }

    private void measure(Workload workload) throws OrtException {
        Path file = models.resolve(FILE);
        JsonObject line = new JsonObject();
        line.addProperty("tool", "sonde");
        line.addProperty("threads", threads);
        line.addProperty("workload", workload.name());
        line.addProperty("variant", "plain_loop");
        // Sonde first: the first to ask for ONNX Runtime's environment decides on its threads.
        try (OnnxModel model =
                        OnnxModel.open(file, Options.builder().threads(threads).build());
                Plain plain = new Plain(file, threads)) {
            double first = seconds(() -> line.addProperty("max_abs_err", error(workload, workload.run(model, inputs))));
            plain.run(workload.plain(inputs));
            if (line.get("max_abs_err").getAsDouble() > TOLERANCE) {
                line.addProperty("error", "wrong numbers");
            } else {
                time(workload, model, plain, first, line);
            }
        }
        lines.add(line.toString());
        System.out.println(line);
    }

    private double error(Workload workload, double[] found) {
        double[] expected = reference.get(workload.name());
        if (expected == null || found.length == 0) {
            return 0;
        }
        double largest = expected.length == found.length ? 0 : Double.POSITIVE_INFINITY;
        for (int i = 0; i < Math.min(expected.length, found.length); i++) {
            largest = Math.max(largest, Math.abs(expected[i] - found[i]));
        }
        return largest;
    }

    private void time(Workload workload, OnnxModel model, Plain plain, double first, JsonObject line) {
        int times = first > 1 ? (quick ? 3 : 9) : (quick ? 30 : 300);
        double[] ours = new double[times];
        double[] raw = new double[times];
        for (int i = 0; i < times; i++) {
            ours[i] = seconds(() -> workload.run(model, inputs));
            raw[i] = seconds(() -> plain.run(workload.plain(inputs)));
        }
        Arrays.sort(ours);
        Arrays.sort(raw);
        line.addProperty("first_ms", 1e3 * first);
        line.addProperty("median_ms", 1e3 * ours[times / 2]);
        line.addProperty("min_ms", 1e3 * ours[0]);
        line.addProperty("p90_ms", 1e3 * ours[(int) (times * 0.9)]);
        line.addProperty("reps", times);
        line.addProperty("raw_median_ms", 1e3 * raw[times / 2]);
        line.addProperty("x_raw_median", ours[times / 2] / raw[times / 2]);
        line.addProperty("x_raw_min", ours[0] / raw[0]);
    }

    private interface Work {
        void run() throws OrtException;
    }

    private static double seconds(Work work) {
        long start = System.nanoTime();
        try {
            work.run();
        } catch (OrtException e) {
            throw new IllegalStateException(e);
        }
        return (System.nanoTime() - start) / 1e9;
    }
}
