package dev.sonde.cli;

import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Files that the command line was told to read and write; what goes wrong is one clear error. */
final class Disk {
    private Disk() {}

    /**
     * Returns a file's bytes.
     *
     * @throws SondeException {@code file-missing} or {@code cannot-read}
     */
    static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new SondeException("file-missing", "No file '" + file + "'", e);
        } catch (IOException e) {
            throw new SondeException("cannot-read", "Cannot read '" + file + "': " + e, e);
        }
    }

    /**
     * Writes a file, and the folders above it if they are missing.
     *
     * @throws SondeException {@code cannot-write}
     */
    static void write(Path file, byte[] bytes) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new SondeException("cannot-write", "Cannot write '" + file + "': " + e, e);
        }
    }
}
