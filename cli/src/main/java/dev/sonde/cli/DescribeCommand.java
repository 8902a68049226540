package dev.sonde.cli;

import dev.sonde.Model;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.manifest.ModelManifest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a model's manifest, from which typed handles are generated. */
@Command(
        name = "describe",
        mixinStandardHelpOptions = true,
        description = "Writes what a model offers to a manifest, which the annotation processor reads.")
final class DescribeCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "ONNX file, or folder that holds one.")
    private @Nullable Path model;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            required = true,
            description = "The manifest to write.")
    private @Nullable Path out;

    @Option(
            names = "--name",
            paramLabel = "NAME",
            description = "What to call the model; default: as the file is called.")
    private @Nullable String name;

    @Option(
            names = "--no-raw-values",
            description = "Leave out values without a name of their own (value:NAME), for a smaller file.")
    private boolean named;

    @Override
    public Integer call() {
        Path target = Objects.requireNonNull(out);
        try (Model opened = LocalModel.open(Objects.requireNonNull(model))) {
            ModelManifest manifest =
                    name == null ? opened.manifest() : opened.manifest().named(name);
            manifest = named ? manifest.withoutRawValues() : manifest;
            Disk.write(target, ManifestFile.write(manifest).getBytes(StandardCharsets.UTF_8));
            Objects.requireNonNull(spec).commandLine().getOut().println(target + ": " + manifest);
        }
        return 0;
    }
}
