package dev.sonde.acceptance;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static dev.sonde.Selector.query;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Recording;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.kind.Any;
import dev.sonde.kind.Residual;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class RecordingTest {
    private static final Site<Residual> RESID_POST_0 = Site.of("layers.0#resid_post", Residual.class);

    private final PaperModel model = new PaperModel();

    private InterventionGraph patching() {
        return model.record(s -> {
                    var donor = s.run("abcd");
                    var base = s.run("abce", t -> {
                        t.update(RESID_POST_0, v -> v.from(donor.get(RESID_POST_0), position(-1)));
                        t.zero(Site.of("layers.1#pattern"), head(1));
                    });
                    return base.get("logits").at(position(-1)).softmax("vocab").save("probabilities");
                })
                .graph();
    }

    @Test
    void patchingPrintsAsItWasWritten() {
        assertThat(patching().toString()).isEqualTo("""
                        run 0 = tokens [abcd] [[9, 10, 0, 1]]
                        run 1 = tokens [abce] [[9, 10, 0, 2]]
                        %0 = read run 1 'layers.0#resid_post'
                        %1 = read run 0 'layers.0#resid_post'
                        %2 = select %1 [1:3]
                        %3 = put %0 [1:3] <- %2
                        %4 = read run 1 'layers.1#pattern'
                        %5 = constant float32[] {0.00000}
                        %6 = put %4 [1:1] <- %5
                        %7 = read run 1 'logits'
                        %8 = select %7 [1:3]
                        %9 = softmax(%8) {axis=[1]}
                        write run 1 'layers.0#resid_post' <- %3
                        write run 1 'layers.1#pattern' <- %6
                        save probabilities = %9
                        """);
    }

    @Test
    void graphFileRoundTripGivesAnEqualGraphAndTheSameBytes() {
        InterventionGraph graph = patching();
        byte[] bytes = GraphFile.write(graph);
        InterventionGraph back = GraphFile.read(ByteBuffer.wrap(bytes), "graph");
        assertThat(back).isEqualTo(graph);
        assertThat(GraphFile.write(back)).isEqualTo(bytes);
    }

    @Test
    void damagedGraphFilesAreRefusedWhateverTheDamage() {
        byte[] bytes = GraphFile.write(patching());
        for (int cut = 0; cut < bytes.length; cut += 7) {
            ByteBuffer part = ByteBuffer.wrap(bytes, 0, cut).slice();
            assertThatThrownBy(() -> GraphFile.read(part, "graph")).isInstanceOf(SondeException.class);
        }
    }

    @Test
    void readsBeforeAndAfterAWriteOfOnePointCarryItsVersion() {
        String text = model.record(s -> s.run("ab", t -> {
                    t.get("layers.0#resid_post").save("before");
                    t.scale(Site.of("transformer.h.0"), 2);
                    t.get("layers.0#resid_post").save("after");
                }))
                .graph()
                .toString();
        assertThat(text)
                .contains("%0 = read run 0 'layers.0#resid_post'\n")
                .contains("= read run 0 'layers.0#resid_post' v1\n");
    }

    @Test
    void positionsOfRowsOfDifferentLengthAreEachRowsOwn() {
        model.record(s -> {
            Value<Any> resid = s.run(List.of("abc", "abcde")).get("layers.0#resid_post");
            assertThat(resid.type().toString()).isEqualTo("float32[batch=2, position=5, d_model=8] of rows [3, 5]");
            Value<Any> last = resid.at(position(-1));
            assertThat(last.type().toString()).isEqualTo("float32[batch=2, d_model=8]");
            return last.save();
        });
    }

    @Test
    void allMistakesAreReportedTogetherWithTheirLines() {
        assertThatThrownBy(() -> model.record(s -> {
                    var run = s.run("ab");
                    run.get("layers.0#resid_pots").save("a");
                    run.get("logits")
                            .plus(run.get("layers.0#resid_post"))
                            .relu()
                            .save("b");
                    return run.get("layers.0#pattern").at(query(2)).save("c");
                }))
                .isInstanceOf(SondeException.class)
                .hasMessageStartingWith("[unknown-site] 3 mistakes in one experiment:")
                .hasMessageContaining(
                        "No site 'layers.0#resid_pots' in model 'paper'. Did you mean 'layers.0#resid_post'")
                .hasMessageContaining("add cannot take float32[batch=1, position=2, vocab=11] and"
                        + " float32[batch=1, position=2, d_model=8]: axis vocab=11 does not fit axis d_model=8")
                .hasMessageContaining("Index 2 is outside axis query=2: expected -2 to 1")
                .hasMessageContaining("at RecordingTest.java:");
    }

    @Test
    void aWriteOfAnotherShapeNamesTheAxis() {
        assertThatThrownBy(() -> model.trace("abc", t -> {
                    t.set(RESID_POST_0, t.get("logits").as(Residual.class));
                    return "";
                }))
                .hasMessageStartingWith("[shape-mismatch] Cannot write 'layers.0#resid_post': expected"
                        + " float32[batch=1, position=3, d_model=8] but was float32[batch=1, position=3, vocab=11]\n"
                        + "    axis 2 (d_model): expected d_model=8 but was vocab=11\n"
                        + "    at RecordingTest.java:");
    }

    @Test
    void anAbsentSiteSaysWhy() {
        assertThatThrownBy(() ->
                        model.trace("abc", t -> t.get("blocks.0.attn.hook_z").save()))
                .hasMessageContaining(
                        "Site 'blocks.0.attn.hook_z' does not exist in this file of 'paper': it is fused in"
                                + " com.microsoft.Attention at 'Attention_0'");
    }

    @Test
    void transformerLensNamesAndPathsAloneAreUnderstood() {
        assertThat(model.manifest().site("blocks.1.hook_resid_post").name()).isEqualTo("layers.1#resid_post");
        assertThat(model.manifest().site("blocks.1.attn.hook_pattern").name()).isEqualTo("layers.1#pattern");
        assertThat(model.manifest().site("layers.1#block_output").name()).isEqualTo("layers.1#resid_post");
        assertThat(model.manifest().site("transformer.h.1").name()).isEqualTo("transformer.h.1#output");
        assertThat(model.manifest().site("transformer.h.1#output[0]").name()).isEqualTo("transformer.h.1#output");
        assertThat(model.manifest().site("layers.1#output").name()).isEqualTo("transformer.h.1#output");
    }

    @Test
    void rawTensorsHaveNoPromptPositions() {
        Tensor ids = Tensor.of(new long[] {1, 2, 3}, 1, 3);
        assertThatThrownBy(() -> model.trace(
                        Input.tensors(Map.of("input_ids", ids)),
                        t -> t.get("logits").at(position(0)).save()))
                .hasMessageContaining("use index(\"position\", ...)");
    }

    @Test
    void savedValuesComeBackAndNothingIsReadableBefore() {
        AtomicReference<Saved<Tensor>> early = new AtomicReference<>();
        Tensor given = Tensor.of(new float[] {1, 2}, 2);
        Saved<Tensor> saved = model.session(s -> {
            early.set(s.constant(given).save());
            assertThatIllegalStateException().isThrownBy(() -> early.get().value());
            return early.get();
        });
        assertThat(saved.value()).isEqualTo(given);
    }

    @Test
    void objectsOfAnEndedRecordingSayThatItEnded() {
        Recording<Value<Any>> recording = model.record(s -> s.run("ab").get("logits"));
        assertThatIllegalStateException()
                .isThrownBy(() -> recording.result().relu())
                .withMessageStartingWith("This recording has ended");
    }

    @Test
    void aTextOfSeveralTokensIsNoToken() {
        assertThatThrownBy(() -> model.record(s -> s.token("ab")))
                .hasMessageContaining("'ab' is not one token of model 'paper' but 2: ['<9>', '<10>']");
    }
}
