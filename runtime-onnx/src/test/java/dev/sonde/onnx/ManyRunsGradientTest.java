package dev.sonde.onnx;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Gradients of numbers that are made of several runs, held to differences of the same experiments. */
class ManyRunsGradientTest {
    private static final RunInput LONG = Input.ids(5, 17, 40, 3, 22);
    private static final RunInput SAME = Input.ids(61, 2, 9, 77, 30);
    private static final RunInput SHORT = Input.ids(8, 15, 1);
    private static final Site<Any> EARLY = Site.of("layers.0#resid_post");
    private static final Site<Any> LATE = Site.of("layers.1#mlp_out");
    private static final Site<Any> LAST = Site.of("layers.2#resid_pre");
    private static final double STEP = 0.05;

    @TempDir
    static Path cache;

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(
                TestModels.conformance().resolve("gpt2/torchscript.onnx"),
                Options.builder().cacheFolder(cache).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    /** An experiment that makes one number, into which {@code shift} leads. */
    private interface Experiment {
        Value<Any> number(Session s, Value<Any> shift);
    }

    private static Tensor random(long seed, double scale, long... shape) {
        Random random = new Random(seed);
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * scale);
        }
        return Tensor.of(values, shape);
    }

    private static Value<Any> loss(Run run) {
        return run.get("logits")
                .at(position(-1))
                .logSoftmax("vocab")
                .at(index("vocab", 7))
                .negate()
                .sum();
    }

    private static Run shifted(Session s, RunInput input, Value<?> shift) {
        return s.run(input, t -> t.update(EARLY, x -> x.plus(shift)));
    }

    /** Compares the gradient by a shift of the stream with the difference of the experiment along a direction. */
    private static void holds(Experiment experiment) {
        Tensor along = random(3, 1, 32);
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> direction = s.constant(along);
            Value<Any> start = s.constant(random(4, 0.1, 32));
            Value<Any> number = experiment.number(s, start);
            return List.of(
                    number.gradient(start).times(direction).sum().save(),
                    difference(s, experiment, start, direction, STEP).save(),
                    difference(s, experiment, start, direction, 2 * STEP).save());
        });
        double gradient = got.get(0).value().item();
        double difference = (4 * got.get(1).value().item() - got.get(2).value().item()) / 3;
        assertThat(Math.abs(difference)).isGreaterThan(1e-3);
        assertThat(gradient).isCloseTo(difference, within(5e-3 * Math.abs(difference)));
    }

    private static Value<Any> difference(
            Session s, Experiment experiment, Value<Any> at, Value<Any> direction, double step) {
        Value<Any> up = experiment.number(s, at.plus(direction.times(step)));
        return up.minus(experiment.number(s, at.minus(direction.times(step))))
                .over(2 * step)
                .sum();
    }

    @TestFactory
    Stream<DynamicTest> numbersOfSeveralRuns() {
        Map<String, Experiment> all = new LinkedHashMap<>();
        all.put(
                "a sum over runs of one length",
                (s, x) -> loss(shifted(s, LONG, x)).plus(loss(shifted(s, SAME, x))));
        all.put(
                "a product of runs of one length",
                (s, x) -> loss(shifted(s, LONG, x)).times(loss(shifted(s, SAME, x))));
        all.put(
                "a sum over runs of different length",
                (s, x) -> loss(shifted(s, LONG, x))
                        .plus(loss(shifted(s, SHORT, x)).times(2)));
        all.put(
                "a product of runs of different length",
                (s, x) -> loss(shifted(s, LONG, x)).times(loss(shifted(s, SHORT, x))));
        all.put(
                "a product with what shifts",
                (s, x) -> loss(shifted(s, LONG, x)).times(x.times(x).sum()));
        all.put("an edited run and the run without the edit", (s, x) -> {
            Value<Any> there = s.run(LONG).get(LATE);
            Value<Any> here = shifted(s, LONG, x).get(LATE);
            return there.minus(here).pow(2).sum();
        });
        all.put("a value of one run in another", (s, x) -> {
            Value<Any> given = shifted(s, LONG, x).get(LATE);
            return loss(s.run(SAME, t -> t.set(LATE, given)));
        });
        all.put("a function of a value of one run in a shorter one", (s, x) -> {
            Value<Any> given = shifted(s, LONG, x).get(LATE).at(position(-1)).tanh();
            return loss(s.run(SHORT, t -> t.update(LATE, v -> v.plus(given.unsqueeze(1, "position")))));
        });
        all.put("runs that each use the one before", (s, x) -> {
            Value<Any> first = shifted(s, LONG, x).get(LATE);
            Run second = s.run(SAME, t -> t.update(LATE, v -> v.times(0.5).plus(first.times(x))));
            Value<Any> both = second.get(LAST).times(first);
            Run third = s.run(LONG, t -> t.set(LAST, both));
            return loss(third).plus(loss(second)).plus(first.mean());
        });
        all.put("a metric of a patched and of a clean run", (s, x) -> {
            Run clean = shifted(s, LONG, x);
            Run patched = s.run(SAME, t -> t.update(LAST, v -> v.from(clean.get(LAST), position(2))));
            return loss(patched).minus(loss(clean)).over(loss(clean).plus(1));
        });
        all.put("a step along a gradient, and another run", (s, x) -> {
            Run first = shifted(s, LONG, x);
            Value<Any> step = loss(first).gradient(first.get(LATE)).times(3);
            return loss(s.run(LONG, t -> t.update(LATE, v -> v.minus(step))));
        });
        all.put("a gradient of several runs in another run", (s, x) -> {
            Run first = shifted(s, LONG, x);
            Run second = shifted(s, SHORT, x);
            Value<Any> step = loss(first).times(loss(second)).gradient(first.get(LATE));
            return loss(s.run(LONG, t -> t.update(LATE, v -> v.minus(step))));
        });
        all.put("texts of rows of different length", (s, x) -> {
            RunInput ragged = Input.rows(List.of(List.of(3L, 1L, 4L, 1L, 5L, 9L), List.of(2L, 6L)));
            return loss(shifted(s, ragged, x)).times(loss(shifted(s, SHORT, x)));
        });
        all.put("a gradient of a gradient of several runs", (s, x) -> {
            Run first = shifted(s, LONG, x);
            Run second = shifted(s, SHORT, x);
            Value<Any> once = loss(first).times(loss(second)).gradient(first.get(LATE));
            return once.times(once).sum().plus(loss(second));
        });
        return all.entrySet().stream()
                .map(each -> DynamicTest.dynamicTest(each.getKey(), () -> holds(each.getValue())));
    }

    @Test
    void sitesOfEitherRunHaveThePartsOfTheirOwnPositions() {
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> zero = s.constant(random(4, 0.1, 32));
            Run first = s.run(LONG, t -> t.update(EARLY, v -> v.plus(zero)));
            Run second =
                    s.run(SHORT, t -> t.update(LATE, v -> v.plus(first.get(LATE).mean())));
            Value<Any> number = loss(first).times(loss(second));
            return List.of(
                    number.gradient(first.get(EARLY)).save(),
                    number.gradient(second.get(LATE)).save(),
                    number.gradient(zero).save(),
                    number.gradient(first.get(EARLY)).sum("batch", "position").save());
        });
        assertThat(got.get(0).value().shape()).containsExactly(1, 5, 32);
        assertThat(got.get(1).value().shape()).containsExactly(1, 3, 32);
        assertThat(got.get(2).value().toFloats())
                .usingComparatorWithPrecision(1e-5f)
                .containsExactly(got.get(3).value().toFloats());
    }

    @Test
    void whatLiesBeforeAnEditedGradientSeesTheEdit() {
        for (RunInput other : List.of(SAME, SHORT)) {
            List<Saved<Tensor>> got = model.session(s -> {
                Run first = s.run(LONG);
                Run second = s.run(other);
                Value<Any> plain = loss(first).times(loss(second));
                Value<Any> before = plain.gradient(first.get(EARLY));
                Value<Any> number = loss(first).times(loss(second)).plus(0);
                number.updateGradient(first.get(LAST), g -> g.times(2).plus(0));
                return List.of(
                        before.save(),
                        number.gradient(first.get(EARLY)).save(),
                        plain.gradient(second.get(EARLY)).save(),
                        number.gradient(second.get(EARLY)).save());
            });
            float[] before = got.get(0).value().toFloats();
            float[] after = got.get(1).value().toFloats();
            for (int i = 0; i < before.length; i++) {
                assertThat(after[i]).isCloseTo(2 * before[i], within(1e-5f + 1e-4f * Math.abs(before[i])));
            }
            assertThat(got.get(3).value().toFloats())
                    .usingComparatorWithPrecision(1e-5f)
                    .containsExactly(got.get(2).value().toFloats());
        }
    }

    @Test
    void parametersHaveThePartsOfAllRuns() {
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> w =
                    s.parameter("value:transformer.h.1.mlp.c_proj.weight").as(Any.class);
            Value<Any> one = loss(s.run(LONG));
            Value<Any> other = loss(s.run(SHORT));
            return List.of(
                    one.times(other).gradient(w).save(),
                    one.gradient(w)
                            .times(other)
                            .plus(other.gradient(w).times(one))
                            .save());
        });
        assertThat(got.get(0).value().toFloats())
                .usingComparatorWithPrecision(1e-5f)
                .containsExactly(got.get(1).value().toFloats());
    }

    @Test
    void aSumNeedsNoSecondRun() {
        InterventionGraph graph = model.record(s -> {
                    Value<Any> zero = s.constant(random(4, 0.1, 32));
                    Value<Any> sum = loss(shifted(s, LONG, zero)).plus(loss(shifted(s, SHORT, zero)));
                    return sum.gradient(zero).save();
                })
                .graph();
        String plan = model.backend().prepare(graph, Limits.NONE).explain();
        assertThat(plan).contains("call 2").doesNotContain("call 4");
    }

    @Test
    void whatNoRunDependsOnHasNone() {
        assertThatThrownBy(() -> model.session(s -> {
                    Run first = s.run(LONG);
                    Value<Any> number = loss(s.run(SAME)).plus(loss(s.run(SHORT)));
                    return number.gradient(first.get(LATE)).save();
                }))
                .isInstanceOfSatisfying(
                        SondeException.class, e -> assertThat(e.code()).isEqualTo("no-gradient"));
        assertThatThrownBy(() -> model.session(s -> {
                    Run first = s.run(LONG);
                    Value<Any> number = first.get(EARLY).sum().times(loss(s.run(SHORT)));
                    return number.gradient(first.get(LATE)).save();
                }))
                .isInstanceOfSatisfying(
                        SondeException.class, e -> assertThat(e.code()).isEqualTo("no-gradient"));
    }
}
