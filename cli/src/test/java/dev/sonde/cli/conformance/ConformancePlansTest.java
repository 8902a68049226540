package dev.sonde.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import dev.sonde.testmodels.TestModels;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How an experiment is planned changes no number: every case holds with every run alone, with as much reuse as there is,
 * and in segments. */
class ConformancePlansTest {
    @ParameterizedTest
    @CsvSource({
        "OFF, 1073741824, 9223372036854775807",
        "REUSE, 1073741824, 9223372036854775807",
        "REUSE, 65536, 9223372036854775807",
        "FULL, 65536, 40000"
    })
    void everyTraceIsReproduced(Options.Planning planning, long bytes, long weights) {
        Options options = Options.builder()
                .planning(planning)
                .memoryBudget(bytes)
                .weightsBudget(weights)
                .build();
        StringWriter report = new StringWriter();
        SuiteRunner runner = new SuiteRunner(
                (model, file) -> OnnxModel.open(file.path(), options),
                Set.of("trace"),
                Optional.empty(),
                new PrintWriter(report));
        Tally tally = new Tally();
        Suite.readAll(TestModels.conformance()).forEach(suite -> runner.run(suite, tally));
        assertThat(tally.cases(Outcome.Verdict.FAILED)).as(report.toString()).isEmpty();
        assertThat(tally.count(Outcome.Verdict.PASSED)).isGreaterThan(900);
    }
}
