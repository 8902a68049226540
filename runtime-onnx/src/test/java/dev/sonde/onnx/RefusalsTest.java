package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What cannot be is refused before anything runs, with the user's line, and never computed as something else. */
class RefusalsTest {
    private static final RunInput PROMPT = Input.ids(5, 17, 40);
    private static final String MLP = "transformer.h.1.mlp";

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.conformance().resolve("gpt2/dynamo.onnx"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static void refused(Consumer<Trace> body, String... texts) {
        var refused = assertThatThrownBy(() -> model.record(s -> s.run(PROMPT, body)));
        for (String text : texts) {
            refused.hasMessageContaining(text);
        }
    }

    @Test
    void aSkippedModuleTakesOneFittingValueForEachOutput() {
        String here = "at RefusalsTest.java:";
        refused(
                t -> t.skip(MLP),
                "[wrong-outputs]",
                "expected one value for each of [" + MLP + "#output] but was given 0",
                here);
        refused(t -> t.skip(MLP, t.get("layers.0#resid_post"), t.constant(0)), "[wrong-outputs]", "but was given 2");
        refused(t -> t.skip(MLP, t.constant(Tensor.of(new float[3], 3))), "[shape-mismatch]", MLP + "#output", here);
        refused(t -> t.skip(MLP, t.get("layers.0#resid_post").cast(DType.INT64)), "[wrong-dtype]", here);
        Tensor zero = model.trace(PROMPT, t -> {
                    t.skip(MLP, t.constant(0));
                    return t.get(MLP).save();
                })
                .value();
        assertThat(zero.toFloats()).containsOnly(0);
    }

    @Test
    void nothingInsideASkippedModuleIsComputed() {
        Consumer<Trace> skip = t -> t.skip(MLP, t.get("layers.1#resid_mid"));
        for (String site : List.of(MLP + ".c_fc", MLP + ".c_proj#input", "layers.1#mlp_post")) {
            assertThatThrownBy(() -> model.trace(PROMPT, t -> {
                        skip.accept(t);
                        return t.get(site).save();
                    }))
                    .hasMessageContaining("[skipped-module]")
                    .hasMessageContaining("lies inside module '" + MLP + "', which run 0 skips");
            assertThatThrownBy(() -> model.trace(PROMPT, t -> {
                        t.zero(Site.of(site));
                        skip.accept(t);
                        return t.get("logits").save();
                    }))
                    .hasMessageContaining("[skipped-module]");
        }
        List<Saved<Tensor>> got = model.session(s -> {
            Run skipped = s.run(PROMPT, skip);
            Run other = s.run(PROMPT);
            other.get("layers.1#mlp_post").save();
            return List.of(
                    skipped.get(MLP).save(), skipped.get("layers.1#resid_mid").save());
        });
        assertThat(got.get(0).value().toFloats()).isEqualTo(got.get(1).value().toFloats());
    }

    @Test
    void wrongNamesOfModulesAndStopsAreReportedWithTheOtherMistakes() {
        refused(
                t -> {
                    t.skip("transformer.h.1.mpl", t.constant(0));
                    t.stop(Site.of("layers.1#resid_pots"));
                    t.call("lm_haed", t.get("layers.0#resid_post"));
                    t.get("layers.7#resid_post");
                    t.get("logits").sum("vocabulary");
                },
                "5 mistakes in one experiment:",
                "[unknown-module] No module 'transformer.h.1.mpl'",
                "[unknown-site] No site 'layers.1#resid_pots'",
                "[unknown-module] No module 'lm_haed' in model 'dynamo'. Did you mean 'lm_head'?",
                "[unknown-site] No site 'layers.7#resid_post'",
                "[unknown-axis] No axis 'vocabulary'",
                "at RefusalsTest.java:");
    }

    @Test
    void mistakesSayWhatWouldDo() {
        refused(t -> t.get("transformer.h.1.mpl"), "Did you mean 'transformer.h.1.mlp'");
        refused(
                t -> t.add(
                        Site.of("layers.1#resid_post"),
                        t.get("layers.0#resid_post").at(position(-1))),
                "axis position=3 does not fit axis batch=1; axes are aligned from the right: unsqueeze(1, \"position\") makes"
                        + " room for the missing one");
        model.record(s -> s.run(
                PROMPT,
                t -> t.add(
                        Site.of("layers.1#resid_post"),
                        t.get("layers.0#resid_post").at(position(-1)).unsqueeze(1, "position"))));
    }

    @Test
    void aModuleIsNotCalledOnAnotherWidthOrType() {
        refused(
                t -> t.call("lm_head", t.get("logits")),
                "[shape-mismatch] Module 'lm_head' cannot be called on float32[batch=1, position=3, vocab=97]: expected"
                        + " axes [batch, position, d_model=32] but the last was vocab=97",
                "at RefusalsTest.java:");
        refused(t -> t.call("lm_head", t.get("layers.0#resid_post").cast(DType.FLOAT64)), "[wrong-dtype]");
    }

    @Test
    void promptsMustBeOfTheModelsTokens() {
        assertThatThrownBy(() -> model.record(s -> s.run(Input.ids())))
                .hasMessageContaining("[empty-prompt]")
                .hasMessageContaining("at RefusalsTest.java:");
        assertThatThrownBy(() -> model.record(s -> s.run(Input.rows(List.of()))))
                .hasMessageContaining("[empty-prompt]");
        assertThatThrownBy(() -> model.record(s -> s.run(Input.ids(5, 97))))
                .hasMessageContaining("[unknown-token] Model 'dynamo' has no token 97: expected 0 to 96");
        assertThatThrownBy(() -> model.record(s -> s.run(Input.ids(-1)))).hasMessageContaining("[unknown-token]");
        assertThatThrownBy(() -> model.record(s -> s.run(Input.ids(new long[65]))))
                .hasMessageContaining("[prompt-too-long] A prompt has 65 tokens: model 'dynamo' has positions for 64");
    }

    @Test
    void valuesOfTwoRecordingsAreNotMixed() {
        AtomicReference<Value<Any>> ended = new AtomicReference<>();
        model.record(s -> {
            ended.set(s.run(PROMPT).get("logits"));
            return "";
        });
        List<Consumer<Trace>> uses = List.of(
                t -> t.get("logits").plus(ended.get()),
                t -> t.set(Site.of("logits"), ended.get()),
                t -> t.call("lm_head", ended.get()),
                t -> t.skip(MLP, ended.get()),
                t -> t.when(ended.get(), () -> {}),
                t -> t.get("logits").with(position(0), ended.get()),
                t -> t.get("logits").concat("batch", ended.get()));
        for (Consumer<Trace> use : uses) {
            assertThatThrownBy(() -> model.record(s -> s.run(PROMPT, use)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("A value of another recording is used");
        }
        assertThatThrownBy(() -> model.record(outer -> model.record(inner -> nested(outer, inner))))
                .hasMessageContaining("A value of another recording is used");
    }

    private static Value<Any> nested(Session outer, Session inner) {
        return inner.stack(
                "run",
                List.of(outer.run(PROMPT).get("logits"), inner.run(PROMPT).get("logits")));
    }

    @Test
    void aRecordingBelongsToItsThread() throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        model.record(s -> {
            Thread other = new Thread(() -> s.run(PROMPT));
            other.setUncaughtExceptionHandler((thread, e) -> thrown.set(e));
            other.start();
            try {
                other.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return "";
        });
        assertThat(thrown.get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("This recording belongs to thread");
    }

    @Test
    void aClosedModelSaysSo() {
        Model closed = OnnxModel.open(TestModels.conformance().resolve("gpt2/dynamo.onnx"));
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.trace(PROMPT, t -> t.get("logits").save()))
                .hasMessageContaining("[model-closed] Model 'dynamo' is closed");
    }
}
