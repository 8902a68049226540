package dev.sonde.bench;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** W8: the residual stream behind every layer for 64 prompts, in batches of 16. */
final class Capture {
    private static final int ROWS = 16;

    private Capture() {}

    static void measure(Bench bench) throws Exception {
        Model model = bench.model(Bench.SMALL);
        List<List<Long>> prompts = bench.inputs().prompts();
        Path folder = Files.createTempDirectory("sonde-bench");
        try (Plain plain = Forward.plain(bench, prompts.subList(0, ROWS), OptLevel.ALL_OPT)) {
            Variants variants = new Variants("W8")
                    .raw("raw", plain::run)
                    .checked("memory", "W8", () -> atLastPosition(inMemory(model, prompts)))
                    .checked("disk", "W8", () -> atLastPosition(onDisk(model, prompts, folder)));
            bench.run(
                    variants, bench.settings().full() ? 9 : 5, bench.settings().full() ? 90 : 30);
        } finally {
            Files.deleteIfExists(folder.resolve("acts.safetensors"));
            Files.delete(folder);
        }
    }

    /** Returns for each layer the batches. */
    static List<List<Tensor>> inMemory(Model model, List<List<Long>> prompts) {
        List<List<Tensor>> layers = new ArrayList<>();
        for (int layer = 0; layer < model.manifest().layers(); layer++) {
            layers.add(new ArrayList<>());
        }
        for (int start = 0; start < prompts.size(); start += ROWS) {
            List<List<Long>> batch = prompts.subList(start, Math.min(prompts.size(), start + ROWS));
            List<Saved<Tensor>> found = model.trace(Input.rows(batch), t -> {
                List<Saved<Tensor>> saved = new ArrayList<>();
                for (int layer = 0; layer < layers.size(); layer++) {
                    saved.add(t.get("layers." + layer + "#resid_post").save());
                }
                return saved;
            });
            for (int layer = 0; layer < layers.size(); layer++) {
                layers.get(layer).add(found.get(layer).value());
            }
        }
        return layers;
    }

    private static List<List<Tensor>> onDisk(Model model, List<List<Long>> prompts, Path folder) throws Exception {
        List<List<Tensor>> layers = inMemory(model, prompts);
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            for (int batch = 0; batch < layers.get(layer).size(); batch++) {
                named.put("resid_post." + layer + "." + batch, layers.get(layer).get(batch));
            }
        }
        Files.write(folder.resolve("acts.safetensors"), new Safetensors(named, Map.of()).toBytes());
        return layers;
    }

    /** What is checked: [layer, prompt, last position, feature]. */
    private static double[] atLastPosition(List<List<Tensor>> layers) {
        List<Double> numbers = new ArrayList<>();
        for (List<Tensor> batches : layers) {
            for (Tensor batch : batches) {
                for (int row = 0; row < batch.size(0); row++) {
                    Tensor prompt = batch.row(row);
                    Tensor last = prompt.row((int) prompt.size(0) - 1);
                    for (double number : last.toDoubles()) {
                        numbers.add(number);
                    }
                }
            }
        }
        return numbers.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
