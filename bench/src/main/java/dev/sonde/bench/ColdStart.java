package dev.sonde.bench;

import static dev.sonde.Selector.position;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Site;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** W9: from the start of {@code java} to the first patched logits. */
public final class ColdStart {
    private static final int LAYER = 6;
    private static final int POSITION = 7;

    private ColdStart() {}

    static void measure(Bench bench) throws Exception {
        Path cache = Files.createTempDirectory("sonde-bench-cache");
        try {
            int times = bench.settings().full() ? 5 : 3;
            report(bench, "first_open", () -> once(bench, cache, true), times);
            report(bench, "warm_cache", () -> once(bench, cache, false), times);
        } finally {
            delete(cache);
        }
    }

    private interface Start {
        Map<String, Double> run() throws IOException, InterruptedException;
    }

    private static void report(Bench bench, String name, Start start, int times) throws Exception {
        Map<String, List<Double>> phases = new TreeMap<>();
        for (int i = 0; i < times; i++) {
            start.run()
                    .forEach((phase, ms) -> phases.computeIfAbsent(phase, unused -> new ArrayList<>())
                            .add(ms));
        }
        phases.forEach((phase, all) -> {
            JsonObject line = bench.line("W9", phase.equals("total") ? name : name + ":" + phase);
            line.addProperty("median_ms", Bench.rounded(Stopwatch.median(all)));
            line.addProperty(
                    "min_ms",
                    Bench.rounded(
                            all.stream().mapToDouble(Double::doubleValue).min().orElse(0)));
            line.addProperty("reps", all.size());
            bench.emit(line);
        });
    }

    private static Map<String, Double> once(Bench bench, Path cache, boolean fresh)
            throws IOException, InterruptedException {
        if (fresh) {
            delete(cache);
        }
        long start = System.currentTimeMillis();
        List<String> printed = Processes.run(
                ColdStart.class,
                List.of(),
                Settings.absolute(bench.settings().models()),
                cache.toString(),
                Integer.toString(bench.settings().threads()));
        JsonObject times = printed.stream()
                .filter(line -> line.startsWith("{"))
                .map(line -> JsonParser.parseString(line).getAsJsonObject())
                .findFirst()
                .orElseThrow();
        Map<String, Double> phases = new TreeMap<>();
        double main = times.get("main").getAsDouble() - start;
        double opened = times.get("opened").getAsDouble() - start;
        double done = times.get("done").getAsDouble() - start;
        phases.put("jvm", main);
        phases.put("open", opened - main);
        phases.put("first_result", done - opened);
        phases.put("total", done);
        return phases;
    }

    /** Opens the model, patches one position of one layer, and says when each was done. */
    public static void main(String... args) throws IOException {
        long main = System.currentTimeMillis();
        Path models = Path.of(args[0]);
        Options options = Options.builder()
                .cacheFolder(Path.of(args[1]))
                .threads(Integer.parseInt(args[2]))
                .build();
        Inputs inputs = Inputs.read(models.resolve("inputs.json"));
        try (OnnxModel model = OnnxModel.open(models.resolve(Bench.SMALL + ".onnx"), options)) {
            long opened = System.currentTimeMillis();
            Site<Any> site = Site.of("layers." + LAYER + "#resid_post");
            model.session(s -> {
                Run clean = s.run(Input.rows(inputs.clean()));
                return s.run(
                                Input.rows(inputs.corrupt()),
                                t -> t.update(site, v -> v.from(clean.get(site), position(POSITION))))
                        .get("logits")
                        .save();
            });
            long done = System.currentTimeMillis();
            System.out.println("{\"main\":" + main + ",\"opened\":" + opened + ",\"done\":" + done + "}");
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
