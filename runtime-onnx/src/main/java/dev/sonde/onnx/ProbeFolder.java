package dev.sonde.onnx;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The folder for a probing process's temporary files: ONNX Runtime unpacks its libraries there, and a process that crashes or is
 * ended at once leaves them.
 */
final class ProbeFolder {
    private static final String PREFIX = "sonde-probe";

    private ProbeFolder() {}

    static Path create() throws IOException {
        return Files.createTempDirectory(PREFIX);
    }

    /** Deletes the folder that this process was given for its temporary files, if it was given one. */
    static void deleteOwn() {
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
        if (temporary.getFileName() != null
                && temporary.getFileName().toString().startsWith(PREFIX)) {
            delete(temporary);
        }
    }

    /** Deletes a folder with all that is in it, as far as that can be done. */
    static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
            for (Path each : deepestFirst) {
                Files.deleteIfExists(each);
            }
        } catch (IOException | UncheckedIOException left) {
            // what others have deleted, or hold open
        }
    }
}
