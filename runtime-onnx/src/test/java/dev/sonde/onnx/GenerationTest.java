package dev.sonde.onnx;

import static dev.sonde.Selector.last;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Generated;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Control;
import dev.sonde.testmodels.TestModels;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What generations promise, whatever is done at their steps. */
class GenerationTest {
    private static final int VOCABULARY = 97;
    private static final int EXPERIMENTS = Boolean.getBoolean("sonde.full") ? 100 : 10;

    private static OnnxModel open(String family, String file) {
        return OnnxModel.open(TestModels.conformance().resolve(family).resolve(file + ".onnx"));
    }

    private static GenerationOptions.Builder options(int tokens) {
        return GenerationOptions.builder().maxNewTokens(tokens).stopTokens();
    }

    private static List<Long> prompt(Random random) {
        List<Long> ids = new ArrayList<>();
        for (int i = 3 + random.nextInt(5); i > 0; i--) {
            ids.add((long) random.nextInt(VOCABULARY));
        }
        return ids;
    }

    /** Edits and reads at random sites, steps and positions; the same for the same seed. */
    private static Consumer<Generation> experiment(long seed) {
        return g -> {
            Random random = new Random(seed);
            for (int i = random.nextInt(3); i >= 0; i--) {
                Site<Any> site = Site.of("layers." + random.nextInt(2) + "#"
                        + List.of("resid_post", "mlp_out", "attn_out", "z", "mlp_post")
                                .get(random.nextInt(5)));
                double factor = 0.3 + 2 * random.nextDouble();
                int place = random.nextInt(8);
                switch (random.nextInt(5)) {
                    case 0 -> g.every(t -> t.scale(site, factor));
                    case 1 -> g.prompt(t -> t.scale(site, factor, last()));
                    case 2 -> g.later(t -> t.scale(site, factor));
                    case 3 -> g.step(1 + place % 4, t -> t.zero(site));
                    default -> g.every(t -> t.scale(site, factor, position(place)));
                }
            }
            g.every(t -> t.keep("logits", t.get("logits").at(last())));
        };
    }

    private static Generation run(OnnxModel model, RunInput input, GenerationOptions options, long seed) {
        return model.session(s -> s.generate(input, options, experiment(seed)));
    }

    private static void same(Tensor found, Tensor expected) {
        double most = 0;
        double[] numbers = expected.toDoubles();
        for (double number : numbers) {
            most = Math.max(most, Math.abs(number));
        }
        double[] others = found.toDoubles();
        assertThat(others).hasSameSizeAs(numbers);
        for (int i = 0; i < numbers.length; i++) {
            assertThat(others[i]).isCloseTo(numbers[i], within(2e-5 * most));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "llama", "gpt_neox"})
    void cachedEqualsRecomputed(String family) {
        try (OnnxModel cached = open(family, "with_past");
                OnnxModel plain = open(family, "torchscript")) {
            for (long seed = 0; seed < EXPERIMENTS; seed++) {
                RunInput input = Input.rows(List.of(prompt(new Random(seed))));
                Generation a = run(cached, input, options(6).build(), seed);
                Generation b = run(plain, input, options(6).build(), seed);
                assertThat(a.value().ids())
                        .as("seed %d", seed)
                        .isEqualTo(b.value().ids());
                same(a.kept("logits").tensor(), b.kept("logits").tensor());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2/with_past", "llama/with_past", "llama/torchscript"})
    void batchedEqualsSingle(String name) {
        String[] parts = name.split("/", -1);
        try (OnnxModel model = open(parts[0], parts[1])) {
            for (long seed = 0; seed < EXPERIMENTS; seed++) {
                Random random = new Random(1000 + seed);
                List<List<Long>> prompts = List.of(prompt(random), prompt(random), prompt(random));
                // some rows end earlier than others
                GenerationOptions options = options(6)
                        .stopTokens(random.nextInt(VOCABULARY), random.nextInt(VOCABULARY), random.nextInt(VOCABULARY))
                        .build();
                double factor = 0.5 + random.nextDouble();
                Consumer<Generation> body = g -> g.every(t -> t.scale(Site.of("layers.1#resid_post"), factor));
                Generated together = model.session(s -> s.generate(Input.rows(prompts), options, body))
                        .value();
                for (int row = 0; row < prompts.size(); row++) {
                    List<Long> own = prompts.get(row);
                    Generated.Row alone = model.session(s -> s.generate(Input.rows(List.of(own)), options, body))
                            .value()
                            .rows()
                            .get(0);
                    Generated.Row found = together.rows().get(row);
                    assertThat(found.ids()).isEqualTo(alone.ids());
                    assertThat(found.reason()).isEqualTo(alone.reason());
                    assertThat(found.steps()).isEqualTo(alone.steps());
                    for (int i = 0; i < alone.ids().size(); i++) {
                        assertThat(found.logProbs().get(i))
                                .isCloseTo(alone.logProbs().get(i), within(1e-4));
                    }
                }
            }
        }
    }

    @Test
    void scaleZeroEqualsPlain() {
        try (OnnxModel model = open("llama", "with_past")) {
            for (long seed = 0; seed < EXPERIMENTS; seed++) {
                RunInput input = Input.rows(List.of(prompt(new Random(seed))));
                GenerationOptions options =
                        options(8).temperature((double) (seed % 2)).seed(seed).build();
                Generated plain =
                        model.session(s -> s.generate(input, options, g -> {})).value();
                Generated steered = model.session(s -> s.generate(
                                input,
                                options,
                                g -> g.every(t -> t.add(
                                        Site.of("layers.1#resid_post"),
                                        s.constant(5).times(0)))))
                        .value();
                assertThat(steered).isEqualTo(plain);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"with_past", "torchscript"})
    void valuesOfOtherRunsAreTheSameAtEveryStep(String file) {
        Site<Any> site = Site.of("layers.1#resid_post");
        RunInput input = Input.ids(5, 6, 7);
        RunInput other = Input.rows(List.of(List.of(9L, 3L, 1L, 4L), List.of(2L, 8L)));
        try (OnnxModel model = open("llama", file)) {
            Tensor vector = model.session(s -> s.run(other)
                            .get(site)
                            .at(position(-1))
                            .mean("batch")
                            .save())
                    .value();
            Generation given = model.session(s -> s.generate(input, options(8).build(), g -> {
                g.every(t -> t.update(site, v -> v.plus(s.constant(vector).times(3))));
                g.every(t -> t.keep("logits", t.get("logits").at(last())));
            }));
            Generation computed = model.session(s -> {
                var mean = s.run(other).get(site).at(position(-1)).mean("batch");
                return s.generate(input, options(8).build(), g -> {
                    g.every(t -> t.update(site, v -> v.plus(mean.times(3))));
                    g.every(t -> t.keep("logits", t.get("logits").at(last())));
                });
            });
            assertThat(computed.value().ids()).isEqualTo(given.value().ids());
            same(computed.kept("logits").tensor(), given.kept("logits").tensor());
        }
    }

    @Test
    void streamedTextIsTheFinalText() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            for (long seed = 0; seed < EXPERIMENTS; seed++) {
                StringBuilder streamed = new StringBuilder();
                Generated whole = model.generate(
                        "Then Mary and John",
                        options(8).temperature(2).seed(seed).build(),
                        streamed::append);
                assertThat(streamed.toString()).isEqualTo(whole.text()).isNotEmpty();
            }
        }
    }

    @Test
    void optionsDoWhatTheySay() {
        try (OnnxModel model = open("gpt2", "with_past")) {
            RunInput input = Input.ids(5, 6, 7);
            List<Long> plain = ids(model, input, options(6).build());
            long first = plain.get(0);
            Generated stopped =
                    generate(model, input, options(6).stopTokens(first).build());
            assertThat(stopped.ids()).containsExactly(first);
            assertThat(stopped.rows().get(0).reason()).isEqualTo(Generated.Reason.STOP_TOKEN);
            assertThat(ids(
                            model,
                            input,
                            options(6).stopTokens(first).minNewTokens(3).build()))
                    .hasSizeGreaterThanOrEqualTo(3)
                    .satisfies(ids -> assertThat(ids.get(0)).isNotEqualTo(first));
            assertThat(ids(
                            model,
                            input,
                            options(6)
                                    .logitBias(first, Double.NEGATIVE_INFINITY)
                                    .build()))
                    .doesNotContain(first);
            assertThat(ids(model, input, options(6).logitBias(11, 1000).build()))
                    .containsOnly(11L);
            assertThat(ids(model, input, options(6).temperature(3).topK(1).build()))
                    .isEqualTo(plain);
            assertThat(ids(model, input, options(6).temperature(3).topP(1e-9).build()))
                    .isEqualTo(plain);
            assertThat(ids(model, input, options(6).temperature(3).minP(1).build()))
                    .isEqualTo(plain);
            assertThat(ids(model, input, options(30).repetitionPenalty(1e6).build()))
                    .doesNotHaveDuplicates();
            GenerationOptions drawn = options(20).temperature(5).seed(3).build();
            assertThat(ids(model, input, drawn)).isEqualTo(ids(model, input, drawn));
            assertThat(ids(model, input, drawn))
                    .isNotEqualTo(
                            ids(model, input, options(20).temperature(5).seed(4).build()));
        }
    }

    @Test
    void editedLogitsAreChosenFrom() {
        try (OnnxModel model = open("gpt2", "with_past")) {
            Generated found = model.session(s -> s.generate(
                            Input.ids(5, 6, 7),
                            options(4).build(),
                            g -> g.every(t -> t.update(
                                    Site.of("logits"),
                                    v -> v.with(List.of(dev.sonde.Selector.index("vocab", 9)), 1e4)))))
                    .value();
            assertThat(found.ids()).containsOnly(9L).hasSize(4);
        }
    }

    private static Generated generate(OnnxModel model, RunInput input, GenerationOptions options) {
        return model.session(s -> s.generate(input, options, g -> {})).value();
    }

    private static List<Long> ids(OnnxModel model, RunInput input, GenerationOptions options) {
        return generate(model, input, options).ids();
    }

    @ParameterizedTest
    @ValueSource(strings = {"with_past", "torchscript"})
    void cancellingEndsWithinOneStepAndFreesTheModel(String file) {
        OnnxModel model = open("llama", file);
        for (int round = 0; round < 5; round++) {
            AtomicInteger tokens = new AtomicInteger();
            Control control = new Control() {
                @Override
                public void token(int generation, int row, long token) {
                    tokens.incrementAndGet();
                }

                @Override
                public boolean cancelled() {
                    return tokens.get() >= 3;
                }
            };
            assertThatThrownBy(() -> model.session(
                            s -> s.generate(Input.ids(1, 2, 3), options(40).build(), g -> {}), control))
                    .isInstanceOf(SondeException.class)
                    .hasMessageContaining("cancelled");
            assertThat(tokens.get()).isBetween(3, 4);
        }
        assertThat(ids(model, Input.ids(1, 2, 3), options(5).build())).hasSize(5);
        model.close(); // refused while anything is under way
    }

    @Test
    void manyGenerationsTakeNoMoreMemory() throws java.io.IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue(
                java.nio.file.Files.isReadable(java.nio.file.Path.of("/proc/self/status")), "needs Linux");
        int half = Boolean.getBoolean("sonde.full") ? 500 : 60;
        try (OnnxModel model = open("llama", "with_past")) {
            for (int i = 0; i < half; i++) {
                ids(
                        model,
                        Input.ids(1, 2, 3),
                        options(12).seed(i).temperature(1).build());
            }
            long before = residentKilobytes();
            for (int i = 0; i < half; i++) {
                ids(
                        model,
                        Input.ids(1, 2, 3),
                        options(12).seed(i).temperature(1).build());
            }
            assertThat(residentKilobytes() - before).isLessThan(64 << 10);
        }
    }

    private static long residentKilobytes() throws java.io.IOException {
        System.gc();
        return java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .sum();
    }
}
