package dev.sonde.cli;

import dev.sonde.SondeException;
import dev.sonde.remote.server.ServerOptions;
import dev.sonde.remote.server.SondeServer;
import dev.sonde.remote.server.WorkerBackend;
import dev.sonde.spi.Backend;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Serves models until the process is ended. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        description = "Serves models to many users over HTTP, until it is interrupted.")
final class ServeCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--model",
            paramLabel = "NAME=MODEL",
            required = true,
            description = "What to serve, by name: an ONNX file, or a folder that holds one. May be given many times.")
    private Map<String, Path> models = Map.of();

    @Option(names = "--data", paramLabel = "DIR", required = true, description = "Folder for jobs and results.")
    private @Nullable Path data;

    @Option(
            names = "--keys",
            paramLabel = "FILE",
            description = "Let in only the holders of these keys: lines 'name sha256hex'.")
    private @Nullable Path keys;

    @Option(
            names = "--host",
            defaultValue = "127.0.0.1",
            description = "Address to listen on; default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(names = "--port", defaultValue = "0", description = "0 takes a free one; default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--in-process",
            description = "Run the engine in this process instead of one worker process for each model.")
    private boolean inProcess;

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        SondeServer server = SondeServer.open(options());
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            server.close();
                            closed.countDown();
                        },
                        "sonde-close"));
        out.println("listening on " + server.uri());
        out.flush();
        closed.await();
        return 0;
    }

    private Backend open(Path path) {
        return inProcess ? LocalModel.open(path).backend() : WorkerBackend.open(path);
    }

    private ServerOptions options() {
        Map<String, Backend> opened = new LinkedHashMap<>();
        try {
            models.forEach((name, path) -> opened.put(name, open(path)));
        } catch (SondeException e) {
            opened.values().forEach(Backend::close);
            throw e;
        }
        ServerOptions options = ServerOptions.of(Objects.requireNonNull(data)).withAddress(host, port);
        for (Map.Entry<String, Backend> each : opened.entrySet()) {
            options = options.withModel(each.getKey(), each.getValue());
        }
        return keys == null ? options : options.withKeys(keys);
    }
}
