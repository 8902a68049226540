package dev.sonde.onnx;

import static dev.sonde.Selector.last;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Generated;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows that have ended leave the batch, and the others do not notice. */
class RowsLeaveTest {
    private static final int VOCABULARY = 97;
    private static final int ROWS = 4;
    private static final int STEPS = 10;
    private static final int SEEDS = Boolean.getBoolean("sonde.full") ? 40 : 5;
    private static final Site<Any> STREAM = Site.of("layers.1#resid_post");
    private static final String LEAVE = "rows that have ended leave the batch";

    private static OnnxModel open(String family, String file) {
        Path folder = family.equals("genai")
                ? TestModels.root().resolve("layouts")
                : TestModels.conformance(); // genai's has no position ids: lengths go on apart
        return OnnxModel.open(folder.resolve(family).resolve(file + ".onnx"));
    }

    private static List<Long> prompt(Random random) {
        return random.longs(2 + random.nextInt(5), 0, VOCABULARY).boxed().toList();
    }

    private static Tensor vectors(Random random, int rows, int width) {
        float[] numbers = new float[rows * width];
        IntStream.range(0, numbers.length).forEach(i -> numbers[i] = (float) random.nextGaussian());
        return Tensor.of(numbers, rows, 1, width);
    }

    private static Tensor row(Tensor vectors, int row) {
        int width = (int) vectors.size(2);
        float[] own = Arrays.copyOfRange(vectors.toFloats(), row * width, (row + 1) * width);
        return Tensor.of(own, 1, 1, width);
    }

    /** Adds a vector of its own to each row, scaled by what is carried, and a value of another run. */
    private static Generation generate(
            Session s, List<List<Long>> prompts, GenerationOptions options, Tensor vectors, List<List<Long>> donors) {
        Value<Any> own = s.constant(vectors);
        Value<Any> other =
                s.run(Input.rows(donors)).get(STREAM).at(position(-1)).mean("d_model");
        return s.generate(Input.rows(prompts), options, g -> {
            g.every(t -> t.update(STREAM, v -> v.plus(own)));
            g.every(t -> {
                Value<Any> before = t.carried("sum", other);
                Value<Any> newest = t.get(STREAM).at(last()).mean("d_model");
                t.carry("sum", before.plus(newest));
                t.keep("sum", before.plus(newest));
                t.finishWhen(before.greaterThan(6));
            });
            g.every(t -> t.keep("logits", t.get("logits").at(last())));
        });
    }

    @ParameterizedTest
    @CsvSource({"gpt2,with_past", "llama,with_past", "llama,torchscript", "gpt2,torchscript", "genai,model"})
    void otherRowsDoNotNotice(String family, String file) {
        int early = 0;
        try (OnnxModel model = open(family, file)) {
            int width = (int) model.manifest()
                    .site("layers.1#resid_post")
                    .axes()
                    .get(2)
                    .size()
                    .in(java.util.Map.of())
                    .orElseThrow();
            for (long seed = 0; seed < SEEDS; seed++) {
                Random random = new Random(seed);
                List<List<Long>> prompts = new ArrayList<>();
                List<List<Long>> donors = new ArrayList<>();
                for (int i = 0; i < ROWS; i++) {
                    prompts.add(prompt(random));
                    donors.add(prompt(random));
                }
                GenerationOptions options = GenerationOptions.builder()
                        .maxNewTokens(STEPS)
                        .stopTokens(random.longs(14, 0, VOCABULARY).toArray())
                        .build();
                Tensor vectors = vectors(random, ROWS, width);
                assertThat(explain(model, s -> generate(s, prompts, options, vectors, donors)))
                        .contains(LEAVE);
                Generation together = model.session(s -> generate(s, prompts, options, vectors, donors));
                for (int row = 0; row < ROWS; row++) {
                    int own = row;
                    Generation alone = model.session(s -> generate(
                            s, List.of(prompts.get(own)), options, row(vectors, own), List.of(donors.get(own))));
                    Generated.Row found = together.value().rows().get(own);
                    Generated.Row expected = alone.value().rows().get(0);
                    assertThat(found.ids()).isEqualTo(expected.ids());
                    assertThat(found.reason()).isEqualTo(expected.reason());
                    assertThat(found.steps()).isEqualTo(expected.steps());
                    same(together, alone, "sum", own, expected.steps());
                    same(together, alone, "logits", own, expected.steps());
                    early += expected.steps() < STEPS ? 1 : 0;
                }
            }
        }
        assertThat(early).isBetween(SEEDS, SEEDS * ROWS - 1);
    }

    /** Compares a row's part of what steps kept, in steps that it took; behind them there are zeros. */
    private static void same(Generation together, Generation alone, String name, int row, long steps) {
        Tensor a = together.kept(name).tensor();
        Tensor b = alone.kept(name).tensor();
        int width = a.rank() == 2 ? 1 : (int) a.size(2);
        float[] found = a.toFloats();
        float[] expected = b.toFloats();
        double most = 0;
        for (float number : expected) {
            most = Math.max(most, Math.abs(number));
        }
        for (int step = 0; step < a.size(0); step++) {
            for (int i = 0; i < width; i++) {
                float number = found[(step * (int) a.size(1) + row) * width + i];
                if (step < steps) {
                    assertThat(number).isCloseTo(expected[step * width + i], within((float) (2e-5 * most)));
                } else {
                    assertThat(number).isZero();
                }
            }
        }
    }

    private static String explain(OnnxModel model, Consumer<Session> body) {
        return model.backend()
                .prepare(
                        model.record(s -> {
                                    body.accept(s);
                                    return s;
                                })
                                .graph(),
                        Limits.NONE)
                .explain();
    }

    @Test
    void rowsStayWhereAStepMixesThem() {
        try (OnnxModel model = open("llama", "with_past")) {
            String text = explain(
                    model,
                    s -> s.generate(
                            Input.rows(List.of(List.of(1L, 2L), List.of(3L, 4L))),
                            GenerationOptions.greedy(4),
                            g -> g.every(t -> t.update(STREAM, v -> v.plus(v.mean("batch"))))));
            assertThat(text).doesNotContain(LEAVE).contains("rows that have ended are computed along");
        }
    }
}
