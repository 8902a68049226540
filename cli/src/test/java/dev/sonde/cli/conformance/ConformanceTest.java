package dev.sonde.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The numbers that the real NNsight measured, on every file of every model. */
class ConformanceTest {
    /** Cases that nothing can run yet; the list may only shrink. */
    private static final Path UNSUPPORTED = Path.of("src/test/resources/unsupported.txt");

    @Test
    void allSuitesAreReproduced() throws IOException {
        StringWriter report = new StringWriter();
        SuiteRunner runner = new SuiteRunner(
                (model, file) -> OnnxModel.open(file.path()), Set.of(), Optional.empty(), new PrintWriter(report));
        Tally tally = new Tally();
        Suite.readAll(TestModels.conformance()).forEach(suite -> runner.run(suite, tally));

        assertThat(tally.cases(Outcome.Verdict.FAILED)).as(report.toString()).isEmpty();
        assertThat(tally.count(Outcome.Verdict.PASSED)).isGreaterThan(900);
        if (System.getProperty("goldens.update") != null) {
            Files.write(UNSUPPORTED, new TreeSet<>(tally.cases(Outcome.Verdict.UNSUPPORTED)));
        }
        List<String> known = Files.readAllLines(UNSUPPORTED);
        assertThat(new TreeSet<>(tally.cases(Outcome.Verdict.UNSUPPORTED)))
                .as("a case that is no longer unsupported leaves %s; none comes in", UNSUPPORTED)
                .isEqualTo(new TreeSet<>(known));
    }
}
