package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Results;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What each head adds to the stream, which no file has, in files of every exporter. */
class HeadResultsTest {
    private static final Site<Any> RESULT = Site.of("layers.1#result");
    private static final Site<Any> Z = Site.of("layers.1#z");
    private static final RunInput ROWS = Input.rows(List.of(List.of(5L, 17L, 40L, 3L), List.of(7L, 8L)));

    private static OnnxModel open(String file) {
        return OnnxModel.open(TestModels.root().resolve(file));
    }

    private static void near(Tensor got, Tensor wanted) {
        assertThat(got.describe()).isEqualTo(wanted.describe());
        float[] b = wanted.toFloats();
        float most = 0;
        for (float each : b) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got.toFloats()).usingComparatorWithPrecision(1e-5f * most).containsExactly(b);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "conformance/gpt2/opset11.onnx",
                "conformance/gpt2/torchscript.onnx",
                "conformance/gpt2/torchscript_sdpa.onnx",
                "conformance/gpt2/dynamo.onnx",
                "conformance/gpt2/dynamo_sdpa.onnx",
                "conformance/gpt2/with_past.onnx",
                "conformance/gpt2/ort_fused.onnx",
                "conformance/gpt_neox/torchscript.onnx",
                "conformance/gpt_neox/dynamo.onnx",
                "conformance/llama/torchscript.onnx",
                "conformance/llama/dynamo.onnx",
                "conformance/llama/dynamo_sdpa.onnx",
                "conformance/llama/with_past_dynamo.onnx",
                "conformance/bert/torchscript.onnx",
                "conformance/bert/dynamo.onnx",
                "architectures/gemma2/model.onnx",
                "architectures/qwen3/model.onnx",
                "architectures/mixtral/model.onnx",
                "tiny/names/model.onnx"
            })
    void headsAddWhatTheirPartOfTheMatrixMakesOfThem(String file) {
        try (OnnxModel model = open(file)) {
            List<Saved<Tensor>> got = model.session(s -> {
                Run plain = s.run(ROWS);
                Value<?> expected = plain.get(Z).einsum("bphd,hdm->bphm", s.parameter("layers.1#W_O"));
                Run cut = s.run(ROWS, t -> t.zero(RESULT, head(1)));
                Run cutBefore = s.run(ROWS, t -> t.zero(Z, head(1)));
                Run same = s.run(ROWS, t -> t.update(RESULT, v -> v.times(1)));
                Run after = s.run(ROWS, t -> {
                    t.get(RESULT).save("before");
                    t.scale(RESULT, 2, head(0), position(-1));
                    t.scale(Z, 0.5, head(0)); // upstream, so that the later edit doubles what is left of it
                });
                return List.of(
                        plain.get(RESULT).save(),
                        expected.save(),
                        cut.get("logits").save(),
                        cutBefore.get("logits").save(),
                        same.get("logits").save(),
                        plain.get("logits").save(),
                        after.get(RESULT).at(head(0), position(-1)).save(),
                        plain.get(RESULT).at(head(0), position(-1)).save());
            });
            near(got.get(0).value(), named(got.get(1).value()));
            near(got.get(2).value(), got.get(3).value());
            near(got.get(4).value(), got.get(5).value());
            near(got.get(6).value(), got.get(7).value());
            assertThat(got.get(2).value()).isNotEqualTo(got.get(5).value());
        }
    }

    private static Tensor named(Tensor tensor) {
        return tensor.withNames(List.of("batch", "position", "head", "d_model"));
    }

    @Test
    void theStreamsGradientIsThatOfEachHead() {
        try (OnnxModel model = open("conformance/llama/dynamo.onnx")) {
            List<Saved<Tensor>> got = model.session(s -> {
                Run run = s.run(Input.ids(5, 17, 40));
                Value<?> loss = logit(run);
                Value<Any> heads = loss.gradient(run.get(RESULT));
                Value<Any> stream = loss.gradient(run.get("layers.1#attn_out"));
                return List.of(heads.at(head(2)).save(), stream.save());
            });
            near(got.get(0).value(), got.get(1).value());
        }
    }

    private static Value<Any> logit(Run run) {
        return run.get("logits").at(position(-1), index("vocab", 3)).sum();
    }

    @Test
    void onlyTheProductThatIsLookedAtIsWrittenOut() {
        try (OnnxModel model = open("conformance/gpt2/dynamo.onnx")) {
            Results looked = model.run(model.record(
                            s -> s.run(ROWS).get("blocks.1.attn.hook_result").save())
                    .graph());
            assertThat(looked.provenance().get("unfused")).contains("Gemm at '").doesNotContain(";");
            Results other = model.run(
                    model.record(s -> s.run(ROWS).get("logits").save()).graph());
            assertThat(other.provenance()).doesNotContainKey("unfused");
        }
    }

    @Test
    void aCalledModuleAndASkippedOneStayWhole() {
        try (OnnxModel model = open("conformance/gpt2/torchscript.onnx")) {
            List<Saved<Tensor>> got = model.session(s -> pair(s));
            near(got.get(0).value(), got.get(1).value());
            near(got.get(2).value(), got.get(3).value());
        }
    }

    /** Calls and skips attention in runs with and without a look at what heads add. */
    private static List<Saved<Tensor>> pair(Session s) {
        Run looked = s.run(ROWS, t -> t.zero(RESULT, head(0)));
        Run plain = s.run(ROWS);
        Value<Any> stream = plain.get("transformer.h.1.ln_1");
        Run skipped = s.run(ROWS, t -> {
            t.skip("transformer.h.0.attn", t.get("layers.0#resid_pre"));
            t.get(RESULT).save("skipped");
        });
        Run skippedToo = s.run(ROWS, t -> t.skip("transformer.h.0.attn", t.get("layers.0#resid_pre")));
        return List.of(
                looked.call("transformer.h.1.attn", stream).save(),
                plain.get("transformer.h.1.attn").save(),
                skipped.get("logits").save(),
                skippedToo.get("logits").save());
    }
}
