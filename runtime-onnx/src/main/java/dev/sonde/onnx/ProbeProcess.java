package dev.sonde.onnx;

import dev.sonde.SondeException;
import dev.sonde.onnx.file.OnnxFile;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A process that opens files so that this one need not be the first. For one thread. */
final class ProbeProcess implements AutoCloseable {
    private static final long LOOK_MILLIS = 20;
    private static final long GRACE_SECONDS = 2;

    private final Process process;
    private final DataInputStream in;
    private final DataOutputStream out;
    private boolean ready;
    private Path asked = Path.of("");
    private volatile @Nullable String killed;

    private ProbeProcess(Process process) {
        this.process = process;
        this.in = new DataInputStream(process.getInputStream());
        this.out = new DataOutputStream(process.getOutputStream());
    }

    /** Starts the process and does not wait for it. */
    static ProbeProcess start() throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", // it does not live long enough for more
                "-XX:-UsePerfData",
                "-XX:+SuppressFatalErrorMessage",
                "-XX:-CreateCoredumpOnCrash"));
        if (Runtime.version().feature() >= 22) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        Path folder = ProbeFolder.create();
        command.add("-Djava.io.tmpdir=" + folder);
        command.add(ProbeMain.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        // Not in the command line: ONNX Runtime's telemetry crashes on long ones.
        builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
        builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
        try {
            Process process = builder.start();
            Future<?> unused = process.onExit().thenRun(() -> ProbeFolder.delete(folder));
            return new ProbeProcess(process);
        } catch (IOException noJava) {
            ProbeFolder.delete(folder);
            throw noJava;
        }
    }

    /** Asks it to run a file and leave what it learns in the cache. */
    void ask(OnnxFile file, Path cacheFolder) throws IOException {
        asked = file.source();
        out.writeUTF(file.source().toString());
        out.writeUTF(file.sha256());
        out.writeUTF(cacheFolder.toAbsolutePath().toString());
        out.flush();
    }

    /**
     * Waits for the answer.
     *
     * @throws SondeException what is wrong with the file
     * @throws IOException if the process cannot do this at all
     */
    void answer(Duration most, long mostBytes) throws IOException {
        Thread guard = new Thread(() -> guard(most, mostBytes), "sonde-probe");
        guard.setDaemon(true);
        guard.start();
        String code;
        String problem;
        try {
            if (!ready) {
                ready = in.readUTF().equals(ProbeMain.READY);
            }
            code = in.readUTF();
            problem = in.readUTF();
        } catch (IOException gone) {
            if (!ready && killed == null) {
                throw gone;
            }
            throw died();
        } finally {
            guard.interrupt();
        }
        if (!code.isEmpty()) {
            throw new SondeException(code, problem);
        }
    }

    /** Ends the process when it takes too long or too much. Looks are counted, so that a suspended machine's sleep is not. */
    private void guard(Duration most, long mostBytes) {
        long looks = most.toMillis() / LOOK_MILLIS;
        try {
            for (; process.isAlive(); looks--) {
                if (looks <= 0) {
                    kill("did not end within " + most.toSeconds() + " s");
                } else if (memory() > mostBytes) {
                    kill("took more than " + (mostBytes >> 20) + " MiB of memory");
                }
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException answered) {
            Thread.currentThread().interrupt();
        }
    }

    private void kill(String why) {
        killed = why;
        process.destroyForcibly();
    }

    /** Returns its own memory, mapped files aside, or 0 where the system does not tell. */
    private long memory() {
        try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
            return lines.filter(line -> line.startsWith("RssAnon:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(0);
        } catch (IOException | java.io.UncheckedIOException | NumberFormatException unknown) {
            return 0;
        }
    }

    private SondeException died() {
        @Nullable String why = killed;
        return new SondeException(
                "unrunnable-model",
                "Cannot run '" + asked + "': the process that tried it first "
                        + (why != null ? why : "crashed inside ONNX Runtime" + exit()));
    }

    private String exit() {
        try {
            return process.waitFor(1, TimeUnit.SECONDS) ? " (exit code " + process.exitValue() + ")" : "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Lets it end by itself, as it does when nothing is left to be asked; it is ended if it does not. */
    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException gone) {
            // it has ended
        }
        CompletableFuture.delayedExecutor(GRACE_SECONDS, TimeUnit.SECONDS).execute(process::destroyForcibly);
    }
}
