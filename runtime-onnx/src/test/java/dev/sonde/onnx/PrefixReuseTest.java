package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Runs that start where they leave another are what they are when they are computed whole. */
class PrefixReuseTest {
    private static final RunInput CLEAN = Input.rows(List.of(List.of(5L, 17L, 60L, 3L, 44L, 12L, 9L, 71L, 30L)));
    private static final RunInput CORRUPT = Input.rows(List.of(List.of(8L, 2L, 33L, 90L, 51L, 6L, 14L, 27L, 65L)));
    private static final int POSITIONS = 9;
    /** Differences of logits lose digits; the logits themselves are larger. */
    private static final double SMALL = 0.2;

    static Stream<String> causal() {
        return Stream.of(
                "gpt2/torchscript",
                "gpt2/dynamo",
                "gpt2/opset11",
                "gpt2/torchscript_sdpa",
                "gpt2/dynamo_sdpa",
                "gpt2/with_past",
                "gpt2/with_past_dynamo",
                "llama/torchscript",
                "llama/dynamo",
                "llama/torchscript_sdpa",
                "llama/dynamo_sdpa",
                "llama/with_past",
                "llama/with_past_dynamo",
                "gpt_neox/torchscript",
                "gpt_neox/dynamo",
                "gpt_neox/with_past",
                "gpt_neox/with_past_dynamo");
    }

    private static Path file(String name) {
        return TestModels.conformance().resolve(name + ".onnx");
    }

    private static OnnxModel open(String name, Options.Planning planning) {
        return OnnxModel.open(file(name), Options.builder().planning(planning).build());
    }

    private static List<Integer> upTo(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    private static Value<Any> difference(Run run) {
        Value<Any> last = run.get(Site.of("logits")).at(position(-1));
        return last.at(dev.sonde.Selector.index("vocab", 5)).minus(last.at(dev.sonde.Selector.index("vocab", 40)));
    }

    /** Patches each layer at each position. */
    private static Saved<Tensor> layersByPositions(Model model, Session s) {
        Run clean = s.run(CLEAN);
        return s.grid(upTo(model.manifest().layers()), upTo(POSITIONS), (layer, at) -> {
                    Site<Any> site = Site.of("layers." + layer + "#resid_post");
                    return difference(s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), position(at)))));
                })
                .save();
    }

    private static Saved<Tensor> layersByHeads(Model model, Session s) {
        Run clean = s.run(CLEAN);
        return s.grid(upTo(model.manifest().layers()), upTo(4), (layer, h) -> {
                    Site<Any> site = Site.of("layers." + layer + "#z");
                    return difference(s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), head(h)))));
                })
                .save();
    }

    private static Plan plan(OnnxModel model, Recording<?> recording) {
        return (Plan) model.backend().prepare(recording.graph(), Limits.NONE);
    }

    private static void close(Tensor found, Tensor expected) {
        double largest = 0;
        double difference = 0;
        double[] a = found.toDoubles();
        double[] b = expected.toDoubles();
        assertThat(found.shape()).isEqualTo(expected.shape());
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(b[i]));
            difference = Math.max(difference, Math.abs(a[i] - b[i]));
        }
        assertThat(difference).isLessThanOrEqualTo(2e-5 * Math.max(largest, SMALL));
        assertThat(Double.isNaN(difference)).isFalse();
    }

    private void sameNumbers(String name, java.util.function.BiFunction<Model, Session, Saved<Tensor>> experiment) {
        try (OnnxModel reuse = open(name, Options.Planning.REUSE);
                OnnxModel plain = open(name, Options.Planning.OFF)) {
            Function<Model, Recording<Saved<Tensor>>> record = model -> model.record(s -> experiment.apply(model, s));
            Plan plan = plan(reuse, record.apply(reuse));
            assertThat(plan.programs().stream().flatMap(program -> program.notes().stream()))
                    .as("%s", plan.notes())
                    .hasSize(1);
            Tensor expected = plain.session(s -> experiment.apply(plain, s)).value();
            Tensor found = reuse.session(s -> experiment.apply(reuse, s)).value();
            assertThat(spread(expected)).isGreaterThan(0.01);
            close(found, expected);
        }
    }

    private static double spread(Tensor tensor) {
        return java.util.Arrays.stream(tensor.toDoubles()).max().orElse(0)
                - java.util.Arrays.stream(tensor.toDoubles()).min().orElse(0);
    }

    @ParameterizedTest
    @MethodSource("causal")
    void layersByPositionsAreOneCallBehindTheBase(String name) {
        sameNumbers(name, PrefixReuseTest::layersByPositions);
    }

    @ParameterizedTest
    @MethodSource("causal")
    void layersByHeadsAreOneCallBehindTheBase(String name) {
        sameNumbers(name, PrefixReuseTest::layersByHeads);
    }

    @ParameterizedTest
    @MethodSource("causal")
    void editsAnywhereAreAsWhenComputedWhole(String name) {
        try (OnnxModel reuse = open(name, Options.Planning.REUSE);
                OnnxModel small = OnnxModel.open(
                        file(name),
                        Options.builder()
                                .planning(Options.Planning.REUSE)
                                .memoryBudget(1)
                                .build());
                OnnxModel plain = open(name, Options.Planning.OFF)) {
            for (int seed = 0; seed < 6; seed++) {
                int own = seed;
                List<Saved<Tensor>> expected = plain.session(s -> anything(plain, s, own));
                List<Saved<Tensor>> found = reuse.session(s -> anything(reuse, s, own));
                List<Saved<Tensor>> apart = small.session(s -> anything(small, s, own));
                for (int i = 0; i < expected.size(); i++) {
                    close(found.get(i).value(), expected.get(i).value());
                    close(apart.get(i).value(), expected.get(i).value());
                }
            }
        }
    }

    /** Several edits of several runs, and reads of all sorts. */
    private static List<Saved<Tensor>> anything(Model model, Session s, int seed) {
        Random random = new Random(seed);
        List<SiteInfo> sites = model.manifest().sites().stream()
                .filter(site -> site.editable() && site.name().startsWith("layers."))
                .filter(site -> site.dtype().isFloat() && !site.port().startsWith("scores"))
                .toList();
        RunInput two = Input.rows(List.of(
                ((RunInput.Tokens) CORRUPT).ids().get(0),
                ((RunInput.Tokens) CLEAN).ids().get(0)));
        RunInput input = seed % 2 == 0 ? CORRUPT : two;
        Run clean = s.run(CLEAN);
        List<Saved<Tensor>> saved = new ArrayList<>();
        for (int run = 0; run < 8; run++) {
            List<SiteInfo> edited = new ArrayList<>(List.of(sites.get(random.nextInt(sites.size()))));
            if (random.nextBoolean()) {
                edited.add(sites.get(random.nextInt(sites.size())));
            }
            int at = random.nextInt(POSITIONS);
            double factor = 1.5 + random.nextInt(3);
            Run edit = s.run(input, t -> {
                for (SiteInfo info : edited) {
                    Site<Any> site = Site.of(info.name());
                    boolean position =
                            info.axes().stream().anyMatch(axis -> axis.name().equals("position"));
                    t.update(
                            site,
                            v -> position
                                    ? v.from(clean.get(site), position(at)).times(factor > 3 ? 1.5 : 1)
                                    : v.times(factor));
                }
            });
            saved.add(difference(edit).save());
            SiteInfo read = sites.get(random.nextInt(sites.size()));
            saved.add(edit.get(Site.of(read.name())).save());
            Site<Any> stream = Site.of("layers." + (model.manifest().layers() - 1) + "#resid_post");
            saved.add(edit.get(stream).at(position(random.nextInt(POSITIONS))).save());
        }
        return saved;
    }

    /** What a wrong prefix would do is far more than what the tests let pass. */
    @Test
    void aPrefixOfAnotherRunWouldBeNoticed() {
        try (OnnxModel model = open("gpt2/dynamo", Options.Planning.REUSE)) {
            List<Long> other = new ArrayList<>(((RunInput.Tokens) CORRUPT).ids().get(0));
            other.set(0, 1L);
            double[] right = last(model, CORRUPT);
            double[] wrong = last(model, Input.rows(List.of(other)));
            double largest = 0;
            for (int i = 0; i < right.length; i++) {
                largest = Math.max(largest, Math.abs(right[i] - wrong[i]));
            }
            assertThat(largest).isGreaterThan(0.01);
        }
    }

    /** Patches the last position alone: all before it is the base run's. */
    private static double[] last(Model model, RunInput input) {
        return model.session(s -> {
                    Run clean = s.run(CLEAN);
                    List<Value<Any>> runs = new ArrayList<>();
                    for (int layer = 0; layer < 2; layer++) {
                        Site<Any> site = Site.of("layers." + layer + "#resid_post");
                        Run run = s.run(
                                input, t -> t.update(site, v -> v.from(clean.get(site), position(POSITIONS - 1))));
                        runs.add(run.get(Site.of("logits")).at(position(-1)));
                    }
                    return s.stack("", runs).save();
                })
                .value()
                .toDoubles();
    }

    @Test
    void bidirectionalModelsAreCutInDepthAlone() {
        sameNumbers("bert/torchscript", (model, s) -> {
            Run clean = s.run(CLEAN);
            return s.grid(upTo(model.manifest().layers()), upTo(POSITIONS), (layer, at) -> {
                        Site<Any> site = Site.of("layers." + layer + "#mlp_out");
                        Run run = s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), position(at))));
                        return run.get(Site.of("layers." + (model.manifest().layers() - 1) + "#resid_post"))
                                .at(position(0));
                    })
                    .save();
        });
    }
}
