package dev.sonde.bench;

import static dev.sonde.Selector.position;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.onnx.OnnxModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

/**
 * W10: memory, each kind of use in a process of its own. What counts is the proportional set size: pages of the weights file
 * that the kernel keeps for several are counted once.
 */
public final class Memory {
    private static final int STRUCTURES = 100;
    private static final int VALUES = 10_000;

    private Memory() {}

    static void measure(Bench bench) throws Exception {
        for (String use : List.of("plain", "structures", "values", "sweep", "capture")) {
            List<String> printed = Processes.run(
                    Memory.class,
                    List.of(
                            use.equals("structures")
                                    ? "-Xmx192m"
                                    : "-Xmx1g"), // else Java's garbage is what is measured
                    use,
                    Settings.absolute(bench.settings().models()),
                    Integer.toString(bench.settings().threads()));
            for (String each : printed) {
                if (each.startsWith("{")) {
                    JsonObject line = bench.line("W10", "");
                    JsonParser.parseString(each)
                            .getAsJsonObject()
                            .entrySet()
                            .forEach(entry -> line.add(entry.getKey(), entry.getValue()));
                    bench.emit(line);
                }
            }
        }
    }

    /** Does one kind of use and prints the memory that it takes. */
    public static void main(String... args) throws Exception {
        Settings settings = Settings.of("--models", args[1], "--threads", args[2]);
        Inputs inputs = Inputs.read(settings.models().resolve("inputs.json"));
        Path file = settings.models().resolve(Bench.SMALL + ".onnx");
        Peak peak = new Peak();
        if (args[0].equals("plain")) {
            try (Plain plain = new Plain(file, settings.threads(), OptLevel.ALL_OPT).on(inputs.clean())) {
                for (int i = 0; i < 10; i++) {
                    plain.run();
                }
                peak.print("plain_session");
            }
            return;
        }
        try (OnnxModel model = OnnxModel.open(file, settings.options())) {
            model.trace(Input.rows(inputs.clean()), t -> t.get("logits").save());
            peak.print("after_first_trace");
            use(args[0], model, inputs);
            peak.print(args[0]);
        }
    }

    private static void use(String kind, Model model, Inputs inputs) {
        switch (kind) {
            case "structures" -> structures(model, inputs);
            case "values" -> values(model, inputs);
            case "sweep" -> Sweeps.patchPositions(model, inputs);
            default -> Capture.inMemory(model, inputs.prompts());
        }
    }

    /** Adds a vector behind up to six of the layers: seldom twice the same ones. */
    private static void structures(Model model, Inputs inputs) {
        Random random = new Random(0);
        int layers = model.manifest().layers();
        for (int i = 0; i < STRUCTURES; i++) {
            int at = random.nextInt(inputs.corrupt().get(0).size());
            List<Integer> chosen = random.ints(0, layers)
                    .distinct()
                    .limit(1 + random.nextInt(6))
                    .sorted()
                    .boxed()
                    .toList();
            model.session(s -> s.run(
                            Input.rows(inputs.corrupt()),
                            t -> chosen.forEach(layer ->
                                    t.add(t.site("layers." + layer + "#output"), steer(s, inputs, 1), position(at))))
                    .get("logits")
                    .save());
        }
    }

    /** Adds one vector 10,000 times, each time at another scale. */
    private static void values(Model model, Inputs inputs) {
        for (int i = 0; i < VALUES; i++) {
            float scale = i / (float) VALUES;
            model.session(s -> s.run(
                            Input.ids(inputs.corrupt().get(0).get(0)),
                            t -> t.add(t.site("layers.0#output"), steer(s, inputs, scale)))
                    .get("layers.0#output")
                    .mean()
                    .save());
        }
    }

    private static Value<?> steer(Session s, Inputs inputs, float scale) {
        float[] vector = inputs.steer().toFloats();
        for (int i = 0; i < vector.length; i++) {
            vector[i] *= scale;
        }
        return s.constant(Tensor.of(vector));
    }

    /** The largest of some readings of the process's memory. */
    static final class Peak {
        private long largest;

        Peak() {
            Thread reader = new Thread(this::watch, "memory-peak");
            reader.setDaemon(true);
            reader.start();
        }

        private void watch() {
            while (true) {
                read();
                try {
                    Thread.sleep(50);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }

        private synchronized long read() {
            try {
                long now = kilobytes("Pss:");
                largest = Math.max(largest, now);
                return now;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException("Not Linux?", e);
            }
        }

        private static long kilobytes(String field) throws IOException {
            return Files.readAllLines(Path.of("/proc/self/smaps_rollup")).stream()
                    .filter(line -> line.startsWith(field))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(0);
        }

        void print(String variant) throws IOException {
            long now = read();
            System.out.println("{\"variant\":\"" + variant + "\",\"pss_mb\":" + now / 1024 + ",\"peak_pss_mb\":"
                    + largest / 1024 + ",\"anonymous_mb\":" + kilobytes("Anonymous:") / 1024 + "}");
        }
    }
}
