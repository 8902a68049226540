package dev.sonde.onnx;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Program;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the memory budget has no room for all that a backward pass reads, it keeps the stream between blocks only. */
class CheckpointsTest {
    private static final RunInput PROMPT =
            Input.rows(List.of(List.of(5L, 17L, 40L, 3L, 22L), List.of(9L, 2L, 40L, 8L, 1L)));
    private static final long LITTLE = 1 << 10;
    private static final long MUCH = 1 << 30;

    @TempDir
    static Path cache;

    private static OnnxModel open(String file, long budget) {
        return OnnxModel.open(
                TestModels.conformance().resolve(file),
                Options.builder().cacheFolder(cache).memoryBudget(budget).build());
    }

    /** Gradients by what lies in blocks and between them, after an edit, changed on their way back, and of gradients. */
    private static List<Value<Any>> gradients(Session s) {
        int layers = s.manifest().layers();
        Site<Any> edited = site(1, "mlp_out");
        Run run = s.run(PROMPT, t -> t.update(edited, v -> v.times(0.5)));
        Value<Any> loss = loss(run);
        List<Value<Any>> by = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            for (String point : List.of("resid_pre", "attn_out", "mlp_out", "pattern", "z", "resid_post")) {
                by.add(run.get(site(layer, point)));
            }
        }
        List<Value<Any>> all = new ArrayList<>(s.gradients(loss, by));
        Run changed = s.run(PROMPT);
        Value<Any> other = loss(changed);
        Value<Any> early = changed.get(site(0, "resid_post"));
        other.updateGradient(changed.get(site(layers - 1, "resid_pre")), g -> g.times(3));
        Value<Any> first = other.gradient(early);
        all.add(first);
        Run twice = s.run(PROMPT);
        Value<Any> start = twice.get(site(0, "resid_pre"));
        Value<Any> gradient = loss(twice).gradient(start);
        all.add(gradient.times(gradient).sum().gradient(start));
        return all;
    }

    private static Site<Any> site(int layer, String point) {
        return Site.of("layers." + layer + "#" + point);
    }

    private static Value<Any> loss(Run run) {
        return run.get("logits")
                .at(position(-1))
                .logSoftmax("vocab")
                .at(index("vocab", 7))
                .negate()
                .sum();
    }

    private static List<Tensor> numbers(OnnxModel model, Function<Session, List<Value<Any>>> body) {
        List<Saved<Tensor>> saved =
                model.session(s -> body.apply(s).stream().map(Value::save).toList());
        return saved.stream().map(Saved::value).toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"gpt2/torchscript.onnx", "gpt2/dynamo.onnx", "llama/torchscript.onnx", "gpt_neox/dynamo.onnx"})
    void whatIsComputedAgainIsTheSame(String file) {
        try (OnnxModel little = open(file, LITTLE);
                OnnxModel much = open(file, MUCH)) {
            List<Tensor> got = numbers(little, CheckpointsTest::gradients);
            List<Tensor> wanted = numbers(much, CheckpointsTest::gradients);
            assertThat(got).hasSameSizeAs(wanted);
            for (int i = 0; i < got.size(); i++) {
                float most = 0;
                for (float each : wanted.get(i).toFloats()) {
                    most = Math.max(most, Math.abs(each));
                }
                assertThat(most).isPositive();
                assertThat(got.get(i).toFloats())
                        .as("gradient %d", i)
                        .usingComparatorWithPrecision(2e-5f * most)
                        .containsExactly(wanted.get(i).toFloats());
            }
        }
    }

    private static Plan plan(OnnxModel model) {
        return (Plan) model.backend()
                .prepare(
                        model.record(s -> {
                                    Run run = s.run(PROMPT);
                                    return loss(run)
                                            .gradient(run.get(site(0, "resid_pre")))
                                            .save();
                                })
                                .graph(),
                        Limits.NONE);
    }

    /** Returns the values of the model that the backward pass reads. */
    private static Set<String> read(Plan plan) {
        Set<String> read = new HashSet<>();
        Set<String> made = new HashSet<>();
        for (Program program : plan.programs()) {
            for (NodeProto node : program.splice().nodes()) {
                read.addAll(node.getInputList());
                made.addAll(node.getOutputList());
            }
        }
        read.removeAll(made);
        return read;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2/torchscript.onnx", "llama/torchscript.onnx"})
    void onlyTheStreamBetweenBlocksIsKept(String file) {
        try (OnnxModel little = open(file, LITTLE);
                OnnxModel much = open(file, MUCH)) {
            Plan again = plan(little);
            Plan kept = plan(much);
            assertThat(again.explain()).contains("computes again");
            assertThat(kept.explain()).doesNotContain("computes again");
            int layers = little.manifest().layers();
            Set<String> left = new HashSet<>(read(kept));
            left.removeAll(read(again));
            assertThat(left).hasSizeGreaterThan(8 * layers);
            assertThat(read(kept)).anyMatch(CheckpointsTest::isPattern);
            assertThat(read(again)).noneMatch(CheckpointsTest::isPattern);
        }
    }

    private static boolean isPattern(String value) {
        return value.contains("Softmax_output");
    }
}
