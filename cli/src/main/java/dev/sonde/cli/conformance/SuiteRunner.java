package dev.sonde.cli.conformance;

import dev.sonde.Model;
import dev.sonde.SondeException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Runs suites on all files of their models, and prints what became of every case. */
public final class SuiteRunner {
    private static final int NAME_WIDTH = 34;

    private final ModelSource models;
    private final Set<String> kinds;
    private final Optional<Path> dumps;
    private final PrintWriter out;

    /**
     * @param models opens the files
     * @param kinds kinds of cases to run; empty for all
     * @param dumps folder for the numbers that come back, if they are wanted
     * @param out takes the report
     */
    public SuiteRunner(ModelSource models, Set<String> kinds, Optional<Path> dumps, PrintWriter out) {
        this.models = models;
        this.kinds = Set.copyOf(kinds);
        this.dumps = dumps;
        this.out = out;
    }

    /** Runs one suite, and counts its outcomes in {@code tally}. */
    public void run(Suite suite, Tally tally) {
        List<Case> cases = suite.cases().stream()
                .filter(one -> kinds.isEmpty() || kinds.contains(one.kind()))
                .toList();
        for (SuiteFile file : suite.files()) {
            out.println(suite.model() + "/" + file.key());
            Dump dump = new Dump();
            run(suite, file, cases, (one, outcome) -> {
                tally.add(suite.model() + "/" + file.key() + "/" + one.name(), outcome);
                dump.add(one, outcome);
                out.printf("  %-" + NAME_WIDTH + "s %s%n", one.name(), outcome);
            });
            dumps.ifPresent(folder -> dump.write(folder.resolve(suite.model()).resolve(file.key())));
        }
    }

    private interface Witness {
        void see(Case one, Outcome outcome);
    }

    private void run(Suite suite, SuiteFile file, List<Case> cases, Witness witness) {
        try (Model model = models.open(suite.model(), file)) {
            CaseRunner runner = new CaseRunner(suite, file, model);
            for (Case one : cases) {
                witness.see(one, runner.run(one));
            }
        } catch (SondeException e) {
            // Opening failed: a case's own errors are its outcome.
            for (Case one : cases) {
                witness.see(one, Outcome.broken("cannot be opened: [" + e.code() + "] " + e.problem()));
            }
        }
    }
}
