package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What people are told who get an experiment on a real model wrong. */
class OnnxModelErrorsTest {
    private static @Nullable OnnxModel opened;

    @BeforeAll
    static void open() {
        opened = OnnxModel.open(TestModels.tiny("names"));
    }

    @AfterAll
    static void close() {
        model().close();
    }

    private static OnnxModel model() {
        return java.util.Objects.requireNonNull(opened);
    }

    private static void expect(Consumer<dev.sonde.Session> body, String... parts) {
        assertThatThrownBy(() -> model().session(s -> {
                    body.accept(s);
                    return s;
                }))
                .isInstanceOf(SondeException.class)
                .satisfies(e -> {
                    for (String part : parts) {
                        org.assertj.core.api.Assertions.assertThat(e.getMessage())
                                .contains(part);
                    }
                });
    }

    @Test
    void aSiteThatIsNotThere() {
        expect(
                s -> s.run(Input.ids(1, 3, 44)).get("layers.1#resid_pots").save(),
                "[unknown-site] No site 'layers.1#resid_pots' in model 'names'. Did you mean 'layers.1#resid_post'",
                "OnnxModelErrorsTest.java:",
                "docs/errors.md#unknown-site");
    }

    @Test
    void aShapeThatDoesNotFit() {
        expect(
                s -> s.run(
                                Input.ids(1, 3, 44),
                                t -> t.add(Site.of("layers.1#resid_post"), s.constant(Tensor.of(new float[63], 63))))
                        .get("logits")
                        .save(),
                "[shape-mismatch]",
                "d_model=64",
                "63",
                "OnnxModelErrorsTest.java:");
    }

    @Test
    void aWrongType() {
        expect(
                s -> s.run(
                                Input.ids(1, 3, 44),
                                t -> t.add(Site.of("layers.1#resid_post"), s.constant(Tensor.of(new long[64], 64))))
                        .get("logits")
                        .save(),
                "[wrong-dtype]",
                "float32",
                "int64",
                "OnnxModelErrorsTest.java:");
    }

    @Test
    void allMistakesAtOnce() {
        expect(
                s -> {
                    s.run(Input.ids(1, 3, 44)).get("layers.9#resid_post").save();
                    s.run(Input.ids(1, 3, 44)).get("logits").at(position(7)).save();
                },
                "layers.9#resid_post",
                "[index-outside] Index 7 is outside axis position",
                "expected -3 to 2");
    }

    @Test
    void aModuleThatIsNotThere() {
        expect(
                s -> s.run(Input.ids(1, 3, 44), t -> t.skip("transformer.h.7", t.get("embed")))
                        .get("logits")
                        .save(),
                "[unknown-module] No module 'transformer.h.7' in model 'names'");
    }

    @Test
    void aTextThatIsNotOneToken() {
        expect(s -> s.token("Alice Bob"), "[not-one-token] 'Alice Bob' is not one token of model 'names' but 2");
    }

    @Test
    void aValueAfterStop() {
        expect(
                s -> s.run(Input.ids(1, 3, 44), t -> t.stop(Site.of("layers.0#resid_post")))
                        .get("layers.2#resid_post")
                        .save(),
                "[after-stop]");
    }
}
