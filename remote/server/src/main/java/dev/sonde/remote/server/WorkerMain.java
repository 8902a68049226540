package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.spi.Backend;
import dev.sonde.spi.BackendProvider;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.ServiceLoader;

/** A worker process: one model, questions on standard input, answers on standard output. It ends when its input does. */
public final class WorkerMain {
    private WorkerMain() {}

    /**
     * Runs until the server goes away.
     *
     * @param args the model's file or folder
     */
    public static void main(String[] args) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(new FileInputStream(FileDescriptor.in)));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
        // Whatever a library prints must not end up between the frames.
        System.setOut(System.err);
        int code = 1;
        try (Backend backend = open(Path.of(args[0]))) {
            new Worker(backend, in, out).serve();
            code = 0;
        } catch (SondeException e) {
            Frame.of(WorkerMessage.failed(0, Problem.of(e))).write(out);
        } catch (RuntimeException | Error e) {
            // halt() below would swallow it, and whoever runs the service must know what the worker died of.
            e.printStackTrace();
            Frame.of(WorkerMessage.failed(0, new Problem("worker-failed", "The worker cannot open the model: " + e)))
                    .write(out);
        } finally {
            // An engine's own threads must not keep the process.
            Runtime.getRuntime().halt(code);
        }
    }

    /** Opens a model with the first provider that knows its sort. */
    static Backend open(Path model) {
        for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
            Optional<Backend> backend = provider.open(model);
            if (backend.isPresent()) {
                return backend.get();
            }
        }
        throw new SondeException(
                "unknown-model-format", "No engine on the class path opens '" + model.getFileName() + "'");
    }
}
