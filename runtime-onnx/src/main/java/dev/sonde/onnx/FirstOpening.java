package dev.sonde.onnx;

import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.run.RuntimeEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The opening of a file. One that ONNX Runtime has never run before is run in a process of its own first: a graph made to
 * hurt, or hurt by chance, may crash or stop the process that runs it. What is learnt there stays in the cache, so this happens
 * once per file. The process starts while the file is read here, which runs nothing but bounded pieces of it.
 */
final class FirstOpening implements AutoCloseable {
    private static final Duration LEAST = Duration.ofMinutes(1);
    private static final long BYTES_PER_SECOND = 20L << 20;
    private static final long LEAST_MEMORY = 4L << 30;

    private final OnnxFile file;
    private final @Nullable ProbeProcess process;

    private FirstOpening(OnnxFile file, @Nullable ProbeProcess process) {
        this.file = file;
        this.process = process;
    }

    /**
     * Reads a file and has it tried if that was never done; {@link #await} waits for the outcome.
     *
     * @throws dev.sonde.SondeException as {@link OnnxFile#open(Path, Path)} does
     */
    static FirstOpening of(Path fileOrFolder, Options options) {
        RuntimeEnvironment.prepare(options.threads());
        Optional<OnnxFile> known = OnnxFile.known(fileOrFolder, options.cacheFolder());
        boolean tried = known.map(FirstOpening::mark).filter(Files::exists).isPresent();
        @Nullable ProbeProcess process = tried || options.probing() == Options.Probing.HERE ? null : start();
        try {
            OnnxFile file = known.orElseGet(() -> open(fileOrFolder, options));
            if (process != null && !Files.exists(mark(file))) {
                process.ask(file, options.cacheFolder());
                return new FirstOpening(file, process);
            }
            end(process);
            return new FirstOpening(file, null);
        } catch (IOException noAnswer) {
            end(process);
            return new FirstOpening(open(fileOrFolder, options), null);
        } catch (RuntimeException failed) {
            end(process);
            throw failed;
        }
    }

    /** What folds constants takes the environment that is there. */
    private static OnnxFile open(Path fileOrFolder, Options options) {
        return OnnxFile.open(fileOrFolder, options.cacheFolder(), () -> RuntimeEnvironment.get(options.threads()));
    }

    /** Returns a process, or none where there is no second Java to be had: the file is then opened as if that was asked for. */
    private static @Nullable ProbeProcess start() {
        try {
            return ProbeProcess.start();
        } catch (IOException noJava) {
            return null;
        }
    }

    /** Returns the file in the cache that says that ONNX Runtime has opened and run the model, and lived. */
    static Path mark(OnnxFile file) {
        return file.cacheFolder().resolve("probed");
    }

    OnnxFile file() {
        return file;
    }

    /**
     * Waits until the file may be run here.
     *
     * @throws dev.sonde.SondeException {@code unrunnable-model} if ONNX Runtime refuses it, or the process that tried it
     *     crashed, ran out of time or took too much memory
     */
    void await() {
        if (process == null) {
            return;
        }
        long bytes = bytes(file.source()) + bytes(file.cacheFolder());
        try {
            process.answer(LEAST.plusSeconds(bytes / BYTES_PER_SECOND), Math.max(LEAST_MEMORY, 4 * bytes));
        } catch (IOException noProcess) {
            // as if there were no second Java
        }
    }

    private static long bytes(Path fileOrFolder) {
        try (Stream<Path> files = Files.walk(fileOrFolder, 1)) {
            return files.filter(Files::isRegularFile)
                    .mapToLong(each -> each.toFile().length())
                    .sum();
        } catch (IOException | java.io.UncheckedIOException unknown) {
            return 0;
        }
    }

    private static void end(@Nullable ProbeProcess process) {
        if (process != null) {
            process.close();
        }
    }

    @Override
    public void close() {
        end(process);
    }
}
