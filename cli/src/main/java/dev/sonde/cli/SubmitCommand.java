package dev.sonde.cli;

import dev.sonde.remote.client.Job;
import dev.sonde.remote.client.SondeService;
import dev.sonde.spi.Results;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs a graph file on a service. */
@Command(
        name = "submit",
        mixinStandardHelpOptions = true,
        description = "Runs a recorded experiment on a service, waits, and writes its results.")
final class SubmitCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "GRAPH", description = "The experiment: a safetensors file with an intervention graph.")
    private @Nullable Path graph;

    @Option(names = "--remote", paramLabel = "URL", required = true, description = "Address of the service.")
    private @Nullable URI service;

    @Mixin
    private ApiKeyOption key = new ApiKeyOption();

    @Option(names = "--model", paramLabel = "NAME", required = true, description = "Name of the model on the service.")
    private @Nullable String model;

    @Option(
            names = "--idempotency-key",
            paramLabel = "KEY",
            description = "Submissions with equal keys are one job; default: a new job.")
    private @Nullable String idempotencyKey;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            required = true,
            description = "The results to write, a safetensors file.")
    private @Nullable Path out;

    @Override
    public Integer call() {
        byte[] bytes = Disk.read(Objects.requireNonNull(graph));
        PrintWriter console = Objects.requireNonNull(spec).commandLine().getOut();
        try (SondeService connection = SondeService.connect(Objects.requireNonNull(service), key.value())) {
            Job job = connection.submit(Objects.requireNonNull(model), bytes, idempotencyKey);
            console.println("job " + job.id());
            console.flush();
            while (!job.await(Duration.ofMinutes(1)).state().isFinal()) {
                console.println("job " + job.id() + " is not finished yet");
                console.flush();
            }
            Results results = job.result();
            ResultsWriter.write(results, Objects.requireNonNull(out), console);
        }
        return 0;
    }
}
