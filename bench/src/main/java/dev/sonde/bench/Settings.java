package dev.sonde.bench;

import dev.sonde.onnx.Options;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What the command line says.
 *
 * @param models folder that {@code make_models.py} and {@code reference.py} wrote
 * @param out file to add lines to
 * @param only workloads
 * @param threads for the operators of a run
 * @param full whether there is time for many repetitions
 * @param checkOnly whether numbers are checked and nothing is timed
 */
record Settings(Path models, Optional<Path> out, List<Workload> only, int threads, boolean full, boolean checkOnly) {
    static final String USAGE =
            "usage: --models DIR [--out FILE] [--only W1,W4] [--threads 1] [--quick | --full] [--check]";

    static Settings of(String... args) {
        List<String> options = Arrays.asList(args);
        String out = value(options, "--out", "");
        String only = value(options, "--only", "");
        return new Settings(
                Path.of(value(options, "--models", "")),
                out.isEmpty() ? Optional.empty() : Optional.of(Path.of(out)),
                only.isEmpty()
                        ? List.of(Workload.values())
                        : Arrays.stream(only.split(",", -1))
                                .map(Workload::valueOf)
                                .toList(),
                Integer.parseInt(value(options, "--threads", "1")),
                options.contains("--full"),
                options.contains("--check"));
    }

    static String value(List<String> options, String name, String otherwise) {
        int at = options.indexOf(name);
        return at >= 0 && at + 1 < options.size() ? options.get(at + 1) : otherwise;
    }

    static String absolute(Path path) {
        return path.toAbsolutePath().toString();
    }

    /** Returns how models are opened. */
    Options options() {
        return Options.builder().threads(threads).build();
    }
}
