package dev.sonde.runner;

import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.manifest.NearestNames;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Results;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * The {@code main} of generated runners: reads the options, opens the model, runs the experiment, shows the results.
 *
 * <p>It ends with 0, with 1 and one message on the error stream if something failed, or with 2 if the options are wrong.
 */
public final class ExperimentMain {
    private static final int OK = 0;
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;
    private static final int LONGEST_GRAPH = 20_000;

    private final ExperimentSpec experiment;
    private final ModelOpener opener;
    private final Map<String, String> environment;
    private final PrintStream out;
    private final PrintStream err;

    ExperimentMain(
            ExperimentSpec experiment,
            ModelOpener opener,
            Map<String, String> environment,
            PrintStream out,
            PrintStream err) {
        this.experiment = experiment;
        this.opener = opener;
        this.environment = environment;
        this.out = out;
        this.err = err;
    }

    /** Runs {@code experiment} as {@code arguments} ask, and ends this program with the exit code. */
    public static void main(ExperimentSpec experiment, String... arguments) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
        int code = new ExperimentMain(experiment, ModelOpener.ofClassPath(), System.getenv(), out, err).run(arguments);
        System.exit(code);
    }

    /**
     * Runs {@code experiment} as {@code arguments} ask, inside a longer program.
     *
     * @param out takes the results
     * @param err takes errors
     * @return 0, 1 or 2, as {@link #main} ends
     */
    public static int run(ExperimentSpec experiment, PrintStream out, PrintStream err, String... arguments) {
        return new ExperimentMain(experiment, ModelOpener.ofClassPath(), System.getenv(), out, err).run(arguments);
    }

    int run(String... arguments) {
        CommandLine line = new CommandLine(options());
        ParseResult given;
        try {
            given = line.parseArgs(arguments);
            if (line.isUsageHelpRequested()) {
                line.usage(new PrintWriter(out, true, StandardCharsets.UTF_8));
                return OK;
            }
            checkParams(line, given);
        } catch (ParameterException e) {
            err.println("error: " + e.getMessage() + didYouMean(e));
            err.println("  --help shows the options of " + experiment.name());
            return WRONG_USAGE;
        }
        boolean stacktrace = given.hasMatchedOption("--stacktrace");
        try {
            execute(given);
            return OK;
        } catch (IOException | RuntimeException | LinkageError | OutOfMemoryError e) {
            err.println("error: " + message(e));
            if (stacktrace) {
                e.printStackTrace(err);
            }
            return FAILED;
        }
    }

    private CommandSpec options() {
        CommandSpec spec =
                CommandSpec.create().name(experiment.name() + "Runner").interpolateVariables(false);
        spec.usageMessage()
                .description(experiment.describe())
                .sortOptions(false)
                .width(100);
        for (ParamSpec param : experiment.params()) {
            spec.addOption(option(param));
        }
        spec.addOption(text(
                "--model",
                "PATH|NAME",
                "the model's folder or .onnx file, or its name (default: " + experiment.defaultModel() + ")"));
        spec.addOption(text("--remote", "URL", "run on this service instead of this machine"));
        spec.addOption(text("--api-key", "KEY", "key for the service (default: environment variable SONDE_API_KEY)"));
        spec.addOption(flag("--print", "print the experiment as a graph, do not run it"));
        spec.addOption(flag("--explain", "say how the experiment would run and what it would take, do not run it"));
        spec.addOption(flag("--check", "check the experiment against the model and price it, do not run it"));
        spec.addOption(text("--save", "FILE", "write the results to a safetensors file"));
        spec.addOption(text("--report", "FILE", "write a page of HTML"));
        spec.addOption(text("--pictures", "FOLDER", "draw every result of one or two axes to a PNG file"));
        spec.addOption(flag("--stacktrace", "on an error, also say where in the code it happened"));
        spec.addOption(OptionSpec.builder("--help", "-h")
                .usageHelp(true)
                .description("show this help")
                .build());
        return spec;
    }

    private static OptionSpec option(ParamSpec param) {
        String byDefault = param.defaultValue() == null ? "" : " (default: \"" + param.defaultValue() + "\")";
        OptionSpec.Builder option = OptionSpec.builder("--" + param.name())
                .type(String.class)
                .paramLabel(param.kind().name())
                .required(param.defaultValue() == null)
                .description((param.description() + byDefault).strip());
        return param.kind() == ParamSpec.Kind.TRUTH
                ? option.arity("0..1").fallbackValue("true").build()
                : option.arity("1").build();
    }

    private static OptionSpec text(String name, String label, String description) {
        return OptionSpec.builder(name)
                .type(String.class)
                .arity("1")
                .paramLabel(label)
                .description(description)
                .build();
    }

    private static OptionSpec flag(String name, String description) {
        return OptionSpec.builder(name)
                .type(boolean.class)
                .arity("0")
                .description(description)
                .build();
    }

    private void checkParams(CommandLine line, ParseResult given) {
        for (ParamSpec param : experiment.params()) {
            String value = value(given, "--" + param.name());
            if (value != null && !param.kind().accepts(value)) {
                throw new ParameterException(
                        line, "--" + param.name() + " must be " + param.kind().describe() + " but was '" + value + "'");
            }
        }
        if (given.hasMatchedOption("--api-key") && !given.hasMatchedOption("--remote")) {
            throw new ParameterException(line, "--api-key needs --remote");
        }
        String remote = value(given, "--remote");
        if (remote != null && !remote.matches("(?i)https?://[^/\\s]+\\S*")) {
            throw new ParameterException(line, "--remote must be an http or https address but was '" + remote + "'");
        }
        for (String file : List.of("--save", "--report", "--pictures")) {
            path(line, file, value(given, file));
        }
    }

    private static @Nullable Path path(CommandLine line, String option, @Nullable String text) {
        try {
            return text == null ? null : Path.of(text);
        } catch (InvalidPathException e) {
            throw new ParameterException(line, option + " must be a file but was '" + text + "'", e);
        }
    }

    private static @Nullable String value(ParseResult given, String option) {
        return given.matchedOptionValue(option, (String) null);
    }

    private String didYouMean(ParameterException e) {
        if (!(e instanceof CommandLine.UnmatchedArgumentException unmatched)) {
            return "";
        }
        List<String> names = new ArrayList<>(ParamSpec.RESERVED);
        experiment.params().forEach(param -> names.add(param.name()));
        String first = unmatched.getUnmatched().get(0);
        return first.startsWith("--")
                ? NearestNames.of(first.substring(2).split("=", 2)[0], names).stream()
                        .findFirst()
                        .map(name -> ". Did you mean '--" + name + "'?")
                        .orElse("")
                : "";
    }

    private void execute(ParseResult given) throws IOException {
        Map<String, String> params = new LinkedHashMap<>();
        for (ParamSpec param : experiment.params()) {
            String value = value(given, "--" + param.name());
            params.put(param.name(), value != null ? value : String.valueOf(param.defaultValue()));
        }
        try (Model model = open(given)) {
            InterventionGraph graph = experiment.record(model, params);
            if (given.hasMatchedOption("--print")) {
                out.println(graph);
            }
            if (given.hasMatchedOption("--check")) {
                Cost cost = model.backend().prepare(graph, Limits.NONE).cost();
                out.println("ok: " + experiment.name() + " fits model '"
                        + model.manifest().name() + "': "
                        + cost.rows() + " rows, " + cost.tokens() + " tokens, " + cost.resultBytes()
                        + " bytes of results");
            }
            if (given.hasMatchedOption("--explain")) {
                out.print(model.backend().prepare(graph, Limits.NONE).explain());
            }
            if (Stream.of("--print", "--check", "--explain").noneMatch(given::hasMatchedOption)) {
                Results results = run(model, graph);
                show(given, model, params, graph, results);
            }
        }
    }

    private Model open(ParseResult given) {
        String wanted = value(given, "--model");
        String name = wanted != null ? wanted : experiment.defaultModel();
        String remote = value(given, "--remote");
        if (remote == null) {
            return opener.open(name, ModelOpener.folders(environment.get("SONDE_MODELS")));
        }
        String key = value(given, "--api-key");
        return opener.connect(URI.create(remote), key != null ? key : environment.get("SONDE_API_KEY"), name);
    }

    private Results run(Model model, InterventionGraph graph) {
        try (Progress progress = Progress.start(experiment.name())) {
            return model.run(graph, progress);
        }
    }

    private void show(
            ParseResult given, Model model, Map<String, String> params, InterventionGraph graph, Results results)
            throws IOException {
        ResultView view = new ResultView(model, graph, results.saved());
        results.saved().forEach((name, tensor) -> out.print(view.text(name, tensor)));
        out.flush();
        String save = value(given, "--save");
        if (save != null) {
            Files.write(Path.of(save), new Safetensors(results.saved(), results.provenance()).toBytes());
        }
        String pictures = value(given, "--pictures");
        if (pictures != null) {
            Path folder = Files.createDirectories(Path.of(pictures));
            for (Map.Entry<String, Tensor> each : results.saved().entrySet()) {
                Optional<Picture> picture = view.picture(experiment.name(), each.getKey(), each.getValue());
                if (picture.isPresent()) {
                    picture.get().write(folder.resolve(experiment.name() + "-" + each.getKey() + ".png"));
                }
            }
        }
        String page = value(given, "--report");
        if (page != null) {
            report(model, params, graph, results, view).write(Path.of(page));
        }
    }

    private Report report(
            Model model, Map<String, String> params, InterventionGraph graph, Results results, ResultView view) {
        Report report = Report.titled(experiment.name());
        if (!experiment.describe().isEmpty()) {
            report.paragraph(experiment.describe());
        }
        experiment.present(report, model, params, results);
        report.section("Results");
        results.saved().forEach((name, tensor) -> view.addTo(report, name, tensor));
        if (!params.isEmpty()) {
            report.section("Parameters").facts(params);
        }
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model", model.manifest().name());
        facts.put("model sha256", model.manifest().sha256());
        facts.put("exported by", model.manifest().producer());
        facts.put("Java", Runtime.version().toString());
        facts.putAll(results.provenance());
        return report.section("Where the numbers come from")
                .facts(facts)
                .section("The experiment as a graph")
                .code(Labels.shorten(graph.toString(), LONGEST_GRAPH));
    }

    private static String message(Throwable e) {
        if (e instanceof SondeException && e.getMessage() != null) {
            return e.getMessage();
        }
        if (e instanceof FileSystemException file) {
            String reason = file.getReason();
            return "Cannot write or read '" + file.getFile() + "': "
                    + (reason != null ? reason : e.getClass().getSimpleName());
        }
        if (e instanceof OutOfMemoryError) {
            return "Out of memory: give Java more with -Xmx, or ask for less";
        }
        return e + "\n  This is unexpected; --stacktrace says where in the code it happened";
    }
}
