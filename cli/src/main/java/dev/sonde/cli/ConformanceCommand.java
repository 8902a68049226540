package dev.sonde.cli;

import dev.sonde.cli.conformance.ModelSource;
import dev.sonde.cli.conformance.Outcome;
import dev.sonde.cli.conformance.Suite;
import dev.sonde.cli.conformance.SuiteRunner;
import dev.sonde.cli.conformance.Tally;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import dev.sonde.remote.client.SondeService;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Holds models to the numbers of conformance suites. */
@Command(
        name = "conformance",
        mixinStandardHelpOptions = true,
        description = "Runs conformance suites and says, case by case, whether the numbers are right.")
final class ConformanceCommand implements Callable<Integer> {
    /** Kinds of cases. */
    enum Kind {
        /** One forward pass or several. */
        trace,
        /** Gradients. */
        grad,
        /** Training of small parameters. */
        train,
        /** Generation. */
        generate
    }

    private static final long TINY = 64 << 10;

    private static final List<String> PLANS = List.of("default", "off", "reuse", "tiny-memory");

    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(
            paramLabel = "FOLDER",
            arity = "1..*",
            description = "Suites: folders with cases.json, or folders of such folders.")
    private List<Path> folders = List.of();

    @Option(
            names = "--kind",
            paramLabel = "KIND",
            split = ",",
            description = "Run only cases of this kind: ${COMPLETION-CANDIDATES}. Default: all.")
    private List<Kind> kinds = List.of();

    @Option(
            names = "--plan",
            paramLabel = "PLAN",
            description =
                    "How runs are planned: default, off (every run a call of its own), reuse (runs start where they leave"
                            + " another, also where it does not pay) or tiny-memory (as reuse, with a budget of 64 KiB, so"
                            + " that batches are small and many).")
    private String plan = "default";

    @Option(
            names = "--dump",
            paramLabel = "DIR",
            description = "Write DIR/<model>/<file>/values.safetensors and status.json.")
    private @Nullable Path dump;

    @Option(
            names = "--remote",
            paramLabel = "URL",
            description = "Run on this service, which serves the files as <model>-<file>, such as gpt2-dynamo.")
    private @Nullable URI service;

    @Mixin
    private ApiKeyOption key = new ApiKeyOption();

    @Override
    public Integer call() {
        if (!PLANS.contains(plan)) {
            throw new ParameterException(
                    Objects.requireNonNull(spec).commandLine(),
                    "--plan must be one of " + PLANS + " but was '" + plan + "'");
        }
        if (service == null) {
            return run((model, file) -> OnnxModel.open(file.path(), planning()));
        }
        try (SondeService connection = SondeService.connect(service, key.value())) {
            return run((model, file) -> connection.model(model + "-" + file.key()));
        }
    }

    private Options planning() {
        Options.Builder options = Options.builder();
        return switch (plan) {
            case "off" -> options.planning(Options.Planning.OFF).build();
            case "reuse" -> options.planning(Options.Planning.REUSE).build();
            case "tiny-memory" ->
                options.planning(Options.Planning.REUSE).memoryBudget(TINY).build();
            default -> options.build();
        };
    }

    private int run(ModelSource models) {
        PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
        Set<String> wanted = new LinkedHashSet<>();
        kinds.forEach(kind -> wanted.add(kind.name()));
        // All suites are read first: a wrong folder shows at once.
        List<Suite> suites =
                folders.stream().flatMap(each -> Suite.readAll(each).stream()).toList();
        SuiteRunner runner = new SuiteRunner(models, wanted, Optional.ofNullable(dump), out);
        Tally tally = new Tally();
        suites.forEach(suite -> runner.run(suite, tally));
        out.println(tally);
        return tally.count(Outcome.Verdict.FAILED) > 0 ? Main.FAILED : 0;
    }
}
