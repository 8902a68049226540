package dev.sonde.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Checks and times workloads, and writes one JSON line for each variant, with the fields of the peers' side. */
final class Bench implements AutoCloseable {
    /** GPT-2's shape with 64 features, for fixed costs. */
    static final String TINY = "gpt2-tiny-random";
    /** GPT-2 small. */
    static final String SMALL = "gpt2-small-random";

    private static final double TOLERANCE = 1e-3;
    private static final Gson GSON =
            new GsonBuilder().serializeSpecialFloatingPointValues().create();

    private final Settings settings;
    private final Inputs inputs;
    private final Map<String, double[]> reference;
    private final Map<String, OnnxModel> open = new LinkedHashMap<>();

    Bench(Settings settings) throws IOException {
        this.settings = settings;
        this.inputs = Inputs.read(settings.models().resolve("inputs.json"));
        this.reference = Npz.read(settings.models().resolve("reference.npz"));
    }

    Settings settings() {
        return settings;
    }

    Inputs inputs() {
        return inputs;
    }

    Path file(String model) {
        return settings.models().resolve(model + ".onnx");
    }

    /** Returns a model that stays open until the bench is closed. */
    OnnxModel model(String name) {
        return open.computeIfAbsent(name, unused -> OnnxModel.open(file(name), settings.options()));
    }

    /** Returns a model with other options. */
    OnnxModel model(String name, String label, Options options) {
        return open.computeIfAbsent(name + " " + label, unused -> OnnxModel.open(file(name), options));
    }

    /** Checks, then times, all variants; wrong numbers get no time. Returns the median of each in seconds. */
    Map<String, Double> run(Variants variants, int rounds, double budget) throws Exception {
        Map<String, Work> good = new LinkedHashMap<>();
        Map<String, Double> first = new LinkedHashMap<>();
        Map<String, Double> errors = new LinkedHashMap<>();
        for (Map.Entry<String, Work> variant : variants.works().entrySet()) {
            String name = variant.getKey();
            long start = System.nanoTime();
            double[] found = variant.getValue().run();
            first.put(name, (System.nanoTime() - start) / 1e9);
            String key = variants.reference(name);
            if (!key.isEmpty()) {
                errors.put(name, error(key, found));
            }
            if (errors.getOrDefault(name, 0.0) < TOLERANCE) {
                good.put(name, variant.getValue());
            } else {
                JsonObject line = line(variants.workload(), name);
                line.addProperty("error", "wrong numbers");
                line.addProperty("max_abs_err", errors.get(name));
                emit(line);
            }
        }
        if (settings.checkOnly()) {
            good.keySet().forEach(name -> {
                JsonObject line = line(variants.workload(), name);
                line.addProperty("max_abs_err", errors.get(name));
                emit(line);
            });
            return Map.of();
        }
        first.keySet().retainAll(good.keySet());
        Map<String, double[]> times = new Stopwatch(rounds, budget).time(good, first);
        double @Nullable [] raw = times.get(variants.raw());
        times.forEach((name, all) -> report(variants, name, all, raw, first.get(name), errors.get(name)));
        Map<String, Double> medians = new LinkedHashMap<>();
        times.forEach((name, all) -> medians.put(name, Stopwatch.median(all)));
        return medians;
    }

    private void report(
            Variants variants,
            String name,
            double[] times,
            double @Nullable [] raw,
            @Nullable Double first,
            @Nullable Double error) {
        double each = 1e3 / variants.divisor(name);
        JsonObject line = line(variants.workload(), name);
        line.addProperty("median_ms", rounded(each * Stopwatch.median(times)));
        line.addProperty("min_ms", rounded(each * times[0]));
        line.addProperty("p90_ms", rounded(each * times[(int) (times.length * 0.9)]));
        line.addProperty("reps", times.length);
        line.addProperty("first_ms", first == null ? null : rounded(1e3 * first));
        line.addProperty("max_abs_err", error);
        if (raw != null) {
            line.addProperty("x_raw_median", rounded(each * Stopwatch.median(times) / 1e3 / Stopwatch.median(raw)));
            line.addProperty("x_raw_min", rounded(each * times[0] / 1e3 / raw[0]));
        }
        emit(line);
    }

    static double rounded(double number) {
        return Math.round(number * 1e4) / 1e4;
    }

    private double error(String key, double... found) {
        double[] expected = reference.get(key);
        if (expected == null) {
            return 0;
        }
        if (expected.length != found.length) {
            return Double.POSITIVE_INFINITY;
        }
        double largest = 0;
        for (int i = 0; i < found.length; i++) {
            double apart = Math.abs(expected[i] - found[i]);
            largest = Double.isNaN(apart) ? Double.POSITIVE_INFINITY : Math.max(largest, apart);
        }
        return largest;
    }

    /** Returns a line that says what it is about and nothing yet. */
    JsonObject line(String workload, String variant) {
        JsonObject line = new JsonObject();
        line.addProperty("tool", "sonde");
        line.addProperty("threads", settings.threads());
        line.addProperty("workload", workload);
        line.addProperty("variant", variant);
        return line;
    }

    void emit(JsonObject line) {
        String text = GSON.toJson(line);
        System.out.println(text);
        settings.out().ifPresent(out -> append(out, text));
    }

    private static void append(Path out, String text) {
        try {
            Files.write(out, List.of(text), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException("Cannot write " + out, e);
        }
    }

    @Override
    public void close() {
        open.values().forEach(OnnxModel::close);
        open.clear();
    }
}
