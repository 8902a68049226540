package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.EditedModel;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Saved;
import dev.sonde.Selector;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Edits that every run has, held to the same edits said in each run. */
class PersistentEditsTest {
    private static final Site<Any> MLP = Site.of("layers.1#mlp_out");
    private static final Site<Any> POST = Site.of("layers.0#resid_post");
    private static final RunInput PROMPT = Input.ids(5, 17, 40, 3, 22);
    private static final RunInput ROWS =
            Input.rows(List.of(List.of(5L, 17L, 40L, 3L, 22L), List.of(7L, 8L), List.of(1L, 90L, 33L)));

    @TempDir
    static Path folder;

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(
                TestModels.conformance().resolve("gpt2/torchscript.onnx"),
                Options.builder().cacheFolder(folder.resolve("cache")).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Tensor logits(Model of, RunInput input) {
        return logits(of, input, t -> {});
    }

    private static Tensor logits(Model of, RunInput input, Consumer<Trace> edits) {
        Saved<Tensor> saved = of.trace(input, t -> {
            edits.accept(t);
            return t.get("logits").save();
        });
        return saved.value();
    }

    private static void steer(Trace t) {
        t.update(POST, v -> v.with(position(-1), v.at(position(-1)).times(1.5)));
        t.update(POST, v -> v.with(position(0), v.at(position(-1))));
        t.zero(Site.of("layers.2#z"), head(1));
    }

    @Test
    void everyRunHasTheEditsAndTheOriginalNone() {
        Tensor before = logits(model, PROMPT);
        EditedModel edited = model.edit(t -> t.zero(MLP));
        assertThat(logits(edited, PROMPT)).isEqualTo(logits(model, PROMPT, t -> t.zero(MLP)));
        assertThat(logits(model, PROMPT)).isEqualTo(before);
        assertThat(logits(edited.original(), PROMPT)).isEqualTo(before);
        assertThat(logits(edited, PROMPT)).isNotEqualTo(before);
    }

    @Test
    void aRunsOwnEditsComeBehindThem() {
        EditedModel edited = model.edit(t -> t.zero(MLP)).edit(t -> t.update(MLP, v -> v.plus(0.25)));
        Tensor got = logits(edited, PROMPT, t -> t.scale(MLP, 2));
        Tensor wanted = logits(model, PROMPT, t -> {
            t.zero(MLP);
            t.update(MLP, v -> v.plus(0.25));
            t.scale(MLP, 2);
        });
        assertThat(got).isEqualTo(wanted);
        Saved<Tensor> seen = edited.trace(PROMPT, t -> t.get(MLP).save());
        assertThat(seen.value().toFloats()).containsOnly(0.25f);
    }

    @Test
    void theFileMeansTheSameForPromptsOfEveryLength() throws IOException {
        Path file = folder.resolve("edits.safetensors");
        model.edit(PersistentEditsTest::steer).edit(t -> t.scale(POST, 0.5)).save(file);
        EditedModel loaded = model.edit(file);
        for (RunInput input : List.of(PROMPT, ROWS, Input.ids(4), Input.ids(9, 8, 7))) {
            Tensor wanted = logits(model, input, t -> {
                steer(t);
                t.scale(POST, 0.5);
            });
            assertThat(logits(loaded, input)).isEqualTo(wanted);
        }
        byte[] once = Files.readAllBytes(file);
        loaded.save(file);
        assertThat(Files.readAllBytes(file)).isEqualTo(once);
    }

    @Test
    void parametersCanBeEditedForGood() {
        Site<Any> weight = Site.of("value:transformer.h.1.mlp.c_proj.weight");
        Path file = folder.resolve("weights.safetensors");
        EditedModel edited = model.edit(t -> t.scale(weight, 0.5)).edit(t -> t.update(weight, w -> w.plus(0.01)));
        edited.save(file);
        Tensor wanted =
                logits(model, PROMPT, t -> t.update(weight, w -> w.times(0.5).plus(0.01)));
        assertThat(logits(edited, PROMPT)).isEqualTo(wanted);
        assertThat(logits(model.edit(file), PROMPT)).isEqualTo(wanted);
        assertThat(logits(model.edit(t -> t.scale(weight, 0.5)).edit(file), PROMPT))
                .isEqualTo(logits(
                        model, PROMPT, t -> t.update(weight, w -> w.times(0.25).plus(0.01))));
    }

    @Test
    void conditionsAndSkipsAreStoredToo() {
        Path file = folder.resolve("conditions.safetensors");
        Consumer<Trace> edit = t -> {
            t.when(t.get(POST).at(position(-1)).mean().greaterThan(0), () -> t.scale(POST, 3));
            t.skip("transformer.h.1.mlp", t.get("transformer.h.1.mlp#input"));
        };
        model.edit(edit).save(file);
        for (RunInput input : List.of(PROMPT, Input.ids(4, 9))) {
            assertThat(logits(model.edit(file), input)).isEqualTo(logits(model, input, edit));
        }
    }

    @Test
    void whatCannotBeStoredIsRefusedByName() {
        EditedModel java = model.edit(t -> t.update(POST, v -> v.map(tensor -> tensor)));
        assertThat(logits(java, PROMPT).shape()).containsExactly(1, 5, 97);
        assertThatThrownBy(java::graph).isInstanceOf(SondeException.class).hasMessageContaining("[not-portable]");
        EditedModel stretch = model.edit(t -> t.zero(POST, Selector.positions(1, Long.MAX_VALUE)));
        assertThat(logits(stretch, PROMPT))
                .isEqualTo(logits(model, PROMPT, t -> t.zero(POST, Selector.positions(1, 5))));
        assertThatThrownBy(stretch::graph).hasMessageContaining("[unknown-size]");
    }

    @Test
    void filesThatAreNoEditsAreRefused() throws IOException {
        Path file = folder.resolve("experiment.safetensors");
        byte[] experiment = dev.sonde.graph.GraphFile.write(
                model.record(s -> s.run(PROMPT).get("logits").save()).graph());
        Files.write(file, experiment);
        assertThatThrownBy(() -> model.edit(file)).hasMessageContaining("[bad-graph]");
        assertThatThrownBy(() -> model.edit(folder.resolve("nothing"))).hasMessageContaining("[cannot-read]");
        model.edit(t -> t.zero(MLP)).save(file);
        try (OnnxModel other = OnnxModel.open(
                TestModels.conformance().resolve("gpt2/dynamo.onnx"),
                Options.builder().cacheFolder(folder.resolve("cache")).build())) {
            assertThatThrownBy(() -> other.edit(file)).hasMessageContaining("[other-model]");
        }
    }

    @Test
    void mistakesAreReportedWithTheLineOfTheEdit() {
        EditedModel edited = model.edit(t -> t.zero(Site.of("layers.1#mlp_ot")));
        assertThatThrownBy(() -> logits(edited, PROMPT))
                .hasMessageContaining("Did you mean 'layers.1#mlp_out'")
                .hasMessageContaining("at PersistentEditsTest.java:");
    }
}
