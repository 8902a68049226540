package dev.sonde.cli;

import dev.sonde.Safetensors;
import dev.sonde.spi.Results;
import java.io.PrintWriter;
import java.nio.file.Path;

/** Writes results to a file and says what they are. */
final class ResultsWriter {
    private ResultsWriter() {}

    static void write(Results results, Path file, PrintWriter out) {
        Disk.write(file, new Safetensors(results.saved(), results.provenance()).toBytes());
        results.saved().forEach((name, tensor) -> out.println(name + " " + tensor));
        out.println("written to " + file);
    }
}
