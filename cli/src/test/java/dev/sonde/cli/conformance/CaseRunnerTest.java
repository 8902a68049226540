package dev.sonde.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonParser;
import dev.sonde.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CaseRunnerTest {
    private static final Map<String, Tensor> REFERENCE = Map.of(
            "ids",
            Tensor.of(new long[] {1, 2, 3}, 1, 3),
            "short",
            Tensor.of(new long[] {7}, 1, 1),
            "steer",
            Tensor.of(new float[] {1, 2, 3, 4}, 4),
            "right",
            Tensor.of(new float[] {1, 2}, 2),
            "swapped",
            Tensor.of(new float[] {2, 1}, 2));

    private static Case oneCase(String needs, String run) {
        return Case.parse(JsonParser.parseString("{'name': 'c', 'kind': 'trace', 'needs': [" + needs
                        + "], 'tolerance': {'abs': 0.01, 'rel': 0.01}, 'runs': [" + run + "],"
                        + "'wrong_if': [{'run': 'r', 'why': 'rows were swapped', 'values': {'v': 'swapped'}}]}")
                .getAsJsonObject());
    }

    private static String run(String steps) {
        return "{'id': 'r', 'inputs': {'ids': 'ids'}, 'steps': [" + steps + "], 'expect': {'v': 'right'}}";
    }

    private static Outcome outcome(Case one, PaperModel model, String... lacks) {
        SuiteFile file = new SuiteFile("f", Path.of("f.onnx"), Set.of(lacks));
        return new CaseRunner(new Suite("m", List.of(file), List.of(one), REFERENCE), file, model).run(one);
    }

    private static String graph(String run) {
        PaperModel model = new PaperModel(Map.of("r/v", Tensor.of(new float[] {1, 2}, 2)));
        Outcome outcome = outcome(oneCase("", run), model);
        assertThat(outcome.verdict()).as(outcome.toString()).isEqualTo(Outcome.Verdict.PASSED);
        return model.graphs().get(0).toString();
    }

    private static Outcome answered(float... values) {
        return outcome(oneCase("", run(READ)), new PaperModel(Map.of("r/v", Tensor.of(values, values.length))));
    }

    private static final String READ = "{'do': 'read', 'site': 'h.0', 'port': 'output', 'as': 'v'}";

    @Test
    void rightNumbersPass() {
        assertThat(answered(1, 2.02f).toString()).isEqualTo("pass (largest error 0.020 in r/v)");
    }

    @Test
    void wrongNumbersFailAndSayWhere() {
        assertThat(answered(1, 5).toString())
                .isEqualTo("FAIL r/v is off by 3.00 at [1]: 5.00000, expected 2.00000, allowed 0.0300");
    }

    @Test
    void aNumberThatIsNoneFails() {
        assertThat(answered(Float.NaN, 2).toString())
                .startsWith("FAIL r/v is off by NaN at [0]: NaN, expected 1.00000");
    }

    @Test
    void aKnownMistakeIsNamed() {
        assertThat(answered(2, 1).toString()).endsWith("; it looks as if rows were swapped");
    }

    @Test
    void anotherShapeFails() {
        assertThat(answered(1, 2, 3).toString()).isEqualTo("FAIL r/v has shape [3], expected [2]");
    }

    @Test
    void aRefusalOfWhatTheFileLacksIsRequired() {
        Case one = oneCase("'identity_modules'", run(READ.replace("h.0", "h.0.dropout")));
        PaperModel model = new PaperModel(Map.of());

        assertThat(outcome(one, model, "identity_modules").toString())
                .startsWith("refused as required: [absent-site] Site 'h.0.dropout#output' does not exist in this file");
        assertThat(outcome(one, model).verdict()).isEqualTo(Outcome.Verdict.FAILED);
        assertThat(outcome(one, model, "some_sites").verdict()).isEqualTo(Outcome.Verdict.REFUSED);
    }

    @Test
    void numbersWhereARefusalIsRequiredFail() {
        Outcome outcome = outcome(
                oneCase("'identity_modules'", run(READ)),
                new PaperModel(Map.of("r/v", REFERENCE.get("right"))),
                "identity_modules");

        assertThat(outcome.verdict()).isEqualTo(Outcome.Verdict.FAILED);
        assertThat(outcome.state()).isEqualTo(Outcome.State.RAN);
    }

    @Test
    void whatIsNotKnownIsUnsupported() {
        PaperModel model = new PaperModel(Map.of("r/v", REFERENCE.get("right")));

        assertThat(outcome(oneCase("", run("{'do': 'dance'}")), model).toString())
                .isEqualTo("unsupported (step dance)");
        assertThat(outcome(oneCase("'tea'", run(READ.replace("h.0", "h.9"))), model)
                        .toString())
                .isEqualTo("unsupported (tea)");
        assertThat(outcome(oneCase("'tea'", run(READ)), model).verdict()).isEqualTo(Outcome.Verdict.PASSED);
    }

    @Test
    void editsOfARegionAreRecordedByAxisNumber() {
        assertThat(graph(run("{'do': 'add', 'site': 'h.0', 'port': 'output', 'slice': [':', -1],"
                        + " 'value': {'tensor': 'steer'}, 'scale': 0.5, 'write': 'replace'}," + READ)))
                .isEqualTo("""
                        run 0 = tensors {ids: int64[1, 3]}
                        %0 = constant float32[4] {1.00000, 2.00000, 3.00000, 4.00000}
                        %1 = constant float32[] {0.500000}
                        %2 = mul(%0, %1)
                        %3 = read run 0 'h.0#output'
                        %4 = select %3 [1:2]
                        %5 = add(%4, %2)
                        %6 = put %3 [1:2] <- %5
                        %7 = read run 0 'h.0#output' v1
                        write run 0 'h.0#output' <- %6
                        save r/v = %7
                        """);
    }

    @Test
    void blocksOfABatchSeeTheirOwnRow() {
        String edit = "{'do': 'set', 'site': 'h.0', 'port': 'output', 'value': {'const': 0}, 'write': 'replace'}";
        assertThat(graph("{'id': 'r', 'expect': {'v': 'right'}, 'invokes': ["
                        + "{'inputs': {'ids': 'short'}, 'steps': [" + edit + "]},"
                        + "{'inputs': {'ids': 'ids'}, 'steps': [" + READ + "]}]}"))
                .isEqualTo("""
                        run 0 = tensors {ids: int64[2, 3], mask: int64[2, 3]}
                        %0 = read run 0 'h.0#output'
                        %1 = select %0 [0:[0]]
                        %2 = constant float32[] {0.00000}
                        %3 = put %1 [] <- %2
                        %4 = put %0 [0:[0]] <- %3
                        %5 = read run 0 'h.0#output' v1
                        %6 = select %5 [0:[1]]
                        write run 0 'h.0#output' <- %4
                        save r/v = %6
                        """);
    }

    @Test
    void promptsOfABatchArePaddedOnTheLeft() {
        Map<String, Tensor> batch = new LeftPadding(new PaperModel(Map.of()).manifest())
                .batch(List.of(Map.of("ids", REFERENCE.get("short")), Map.of("ids", REFERENCE.get("ids"))));

        assertThat(batch)
                .containsOnly(
                        Map.entry("ids", Tensor.of(new long[] {0, 0, 7, 1, 2, 3}, 2, 3)),
                        Map.entry("mask", Tensor.of(new long[] {0, 0, 1, 1, 1, 1}, 2, 3)));
    }

    @Test
    void sweepsAreStackedFirstVariableSlowest() {
        String sweep =
                "{'id': 'r', 'inputs': {'ids': 'ids'}, 'sweep': {'L': [{'s': 'h.0'}, {'s': 'h.1'}], 'P': [0, 2]},"
                        + "'steps': [{'do': 'read', 'site': '{L.s}', 'port': 'output', 'slice': [0, '{P}', '1:3'], 'as': 'v'}],"
                        + "'expect': {'v': 'right'}}";
        assertThat(graph(sweep)).isEqualTo("""
                        run 0 = tensors {ids: int64[1, 3]}
                        run 1 = tensors {ids: int64[1, 3]}
                        run 2 = tensors {ids: int64[1, 3]}
                        run 3 = tensors {ids: int64[1, 3]}
                        %0 = read run 0 'h.0#output'
                        %1 = select %0 [0:0, 1:0, 2:[1, 2]]
                        %2 = read run 1 'h.0#output'
                        %3 = select %2 [0:0, 1:2, 2:[1, 2]]
                        %4 = read run 2 'h.1#output'
                        %5 = select %4 [0:0, 1:0, 2:[1, 2]]
                        %6 = read run 3 'h.1#output'
                        %7 = select %6 [0:0, 1:2, 2:[1, 2]]
                        %8 = stack(%1, %3) {axis=[0]} {name=}
                        %9 = stack(%5, %7) {axis=[0]} {name=}
                        %10 = stack(%8, %9) {axis=[0]} {name=}
                        save r/v = %10
                        """);
    }
}
