package dev.sonde.cli;

import dev.sonde.SondeException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command {@code sonde}. It ends with 0, with 1 and one message on the error stream if something failed, or with 2 if it
 * was used wrongly.
 */
@Command(
        name = "sonde",
        mixinStandardHelpOptions = true,
        description = "Reads and changes what happens inside ONNX models.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            InspectCommand.class,
            DescribeCommand.class,
            RunCommand.class,
            GenerateCommand.class,
            ConformanceCommand.class,
            SubmitCommand.class,
            ServeCommand.class
        })
public final class Main implements Runnable {
    static final int FAILED = 1;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "On an error, also say where in the code it happened.")
    private boolean stacktrace;

    /** Runs the command that {@code args} name, and ends this program with its exit code. */
    public static void main(String... args) {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        System.exit(run(out, err, args));
    }

    /** Runs the command that {@code args} name and returns its exit code. */
    static int run(PrintWriter out, PrintWriter err, String... args) {
        Main main = new Main();
        CommandLine line = new CommandLine(main);
        line.getCommandSpec().version("sonde " + version());
        return line.setOut(out)
                .setErr(err)
                .setExecutionExceptionHandler(main::report)
                .execute(args);
    }

    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "(development)" : version;
    }

    /** Without a command there is nothing to do: that is wrong usage. */
    @Override
    public void run() {
        CommandSpec root = Objects.requireNonNull(spec);
        throw new CommandLine.ParameterException(root.commandLine(), "Missing command");
    }

    private int report(Exception e, CommandLine command, ParseResult arguments) {
        command.getErr().println("error: " + message(e));
        if (stacktrace) {
            e.printStackTrace(command.getErr());
        }
        return FAILED;
    }

    /** Returns what people are told of an error. */
    static String message(Exception e) {
        if (e instanceof SondeException && e.getMessage() != null) {
            return e.getMessage();
        }
        return "unexpected " + e + "; --stacktrace says where";
    }
}
