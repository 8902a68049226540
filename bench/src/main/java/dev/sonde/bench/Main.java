package dev.sonde.bench;

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
    private Main() {}

    /** Measures what the options name. */
    public static void main(String... args) throws Exception {
        Settings settings = Settings.of(args);
        if (settings.models().toString().isEmpty()) {
            System.err.println(Settings.USAGE);
            System.exit(2);
        }
        for (Workload workload : settings.only()) {
            try (Bench bench = new Bench(settings)) {
                workload.measure(bench);
            }
        }
    }
}
