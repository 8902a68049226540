package dev.sonde.cli;

import dev.sonde.Model;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.spi.Limits;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs a graph file here. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = "Runs a recorded experiment on a model here, and writes its results.")
final class RunCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "GRAPH", description = "The experiment: a safetensors file with an intervention graph.")
    private @Nullable Path graph;

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            required = true,
            description = "ONNX file, or folder that holds one.")
    private @Nullable Path model;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            description = "The results to write, a safetensors file.")
    private @Nullable Path out;

    @Option(
            names = "--explain",
            description = "Say how the experiment would run and what it would take; do not run it.")
    private boolean explain;

    @Option(names = "--draw", paramLabel = "FILE", description = "Draw the experiment into an SVG file; do not run it.")
    private @Nullable Path drawing;

    @Override
    public Integer call() {
        Path file = Objects.requireNonNull(graph);
        CommandLine line = Objects.requireNonNull(spec).commandLine();
        if (out == null && !explain && drawing == null) {
            throw new ParameterException(line, "Missing required option: '--out=FILE'");
        }
        byte[] bytes = Disk.read(file);
        if (drawing != null) {
            InterventionGraph experiment = GraphFile.read(ByteBuffer.wrap(bytes), file.toString());
            Disk.write(drawing, experiment.toSvg().getBytes(StandardCharsets.UTF_8));
            return 0;
        }
        try (Model opened = LocalModel.open(Objects.requireNonNull(model))) {
            InterventionGraph experiment = GraphFile.read(ByteBuffer.wrap(bytes), file.toString());
            if (explain) {
                line.getOut()
                        .print(opened.backend().prepare(experiment, Limits.NONE).explain());
            } else {
                ResultsWriter.write(opened.run(experiment), Objects.requireNonNull(out), line.getOut());
            }
        }
        return 0;
    }
}
