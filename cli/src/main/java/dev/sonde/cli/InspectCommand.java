package dev.sonde.cli;

import dev.sonde.Model;
import dev.sonde.SondeException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints module trees; goes on after a file that cannot be opened. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = "Prints the module tree of models, their sites with named axes, and what could not be placed.")
final class InspectCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "MODEL", arity = "1..*", description = "ONNX files, or folders that hold one.")
    private List<Path> models = List.of();

    @Option(names = "--values", description = "Also list the raw ONNX values.")
    private boolean values;

    @Override
    public Integer call() {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        int code = 0;
        for (Path path : models) {
            try (Model model = LocalModel.open(path)) {
                out.println(path);
                new ManifestPrinter(model.manifest(), values, out).print();
            } catch (SondeException e) {
                if (models.size() == 1) {
                    throw e;
                }
                spec.commandLine().getErr().println("error: " + path + ": " + Main.message(e));
                code = Main.FAILED;
            }
        }
        return code;
    }
}
