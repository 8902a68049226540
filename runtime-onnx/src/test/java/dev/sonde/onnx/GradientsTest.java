package dev.sonde.onnx;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What gradients promise inside the language, on a whole small model. */
class GradientsTest {
    private static final RunInput PROMPT = Input.ids(5, 17, 40, 3, 22);
    private static final Site<Any> EARLY = Site.of("layers.0#resid_post");
    private static final Site<Any> LATE = Site.of("layers.2#resid_pre");

    @TempDir
    static Path cache;

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = open("torchscript.onnx");
    }

    private static OnnxModel open(String file) {
        return OnnxModel.open(
                TestModels.conformance().resolve("gpt2").resolve(file),
                Options.builder().cacheFolder(cache).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Value<Any> loss(Run run) {
        return run.get("logits")
                .at(position(-1))
                .logSoftmax("vocab")
                .at(index("vocab", 7))
                .negate()
                .sum();
    }

    private static List<float[]> numbers(OnnxModel of, Function<Session, List<Value<Any>>> body) {
        List<Saved<Tensor>> saved =
                of.session(s -> body.apply(s).stream().map(Value::save).toList());
        return saved.stream().map(each -> each.value().toFloats()).toList();
    }

    private static void near(float[] got, float[] wanted) {
        float most = 0;
        for (float each : wanted) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(most).isPositive();
        assertThat(got).usingComparatorWithPrecision(2e-5f * most).containsExactly(wanted);
    }

    private static int operators(Function<Session, List<Value<Any>>> body) {
        String plan = model.backend()
                .prepare(
                        model.record(s -> {
                                    body.apply(s).forEach(Value::save);
                                    return s;
                                })
                                .graph(),
                        Limits.NONE)
                .explain();
        assertThat(plan).contains("call 1").doesNotContain("call 2");
        String count = plan.replaceAll("(?s).* and ([0-9,]+) of the experiment.*", "$1");
        return Integer.parseInt(count.replace(",", ""));
    }

    @Test
    void gradientsOfOneNumberShareABackwardPass() {
        List<Site<Any>> sites = new ArrayList<>();
        for (int layer = 0; layer < 3; layer++) {
            for (String point : List.of("resid_pre", "attn_out", "mlp_out", "pattern", "z")) {
                sites.add(Site.of("layers." + layer + "#" + point));
            }
        }
        Function<Session, List<Value<Any>>> all = s -> {
            Run run = s.run(PROMPT);
            return s.gradients(loss(run), sites.stream().map(run::get).toList());
        };
        Function<Session, List<Value<Any>>> first = s -> {
            Run run = s.run(PROMPT);
            return List.of(loss(run).gradient(run.get(sites.get(0))));
        };
        assertThat(operators(all)).isLessThan(operators(first) + 6 * sites.size());
        List<float[]> together = numbers(model, all);
        for (int i : new int[] {0, 3, 9, 14}) {
            Site<Any> site = sites.get(i);
            near(
                    together.get(i),
                    numbers(model, s -> {
                                Run run = s.run(PROMPT);
                                return List.of(loss(run).gradient(run.get(site)));
                            })
                            .get(0));
        }
    }

    @Test
    void onlyWhatLiesBetweenIsDifferentiated() {
        int late = operators(s -> {
            Run run = s.run(PROMPT);
            return List.of(loss(run).gradient(run.get("layers.2#mlp_out")));
        });
        int early = operators(s -> {
            Run run = s.run(PROMPT);
            return List.of(loss(run).gradient(run.get("layers.0#resid_pre")));
        });
        assertThat(4 * late).isLessThan(early);
    }

    @Test
    void aNumberOfOneRowHasGradientsInThatRowOnly() {
        RunInput rows = Input.rows(List.of(List.of(5L, 17L, 40L), List.of(9L, 2L, 11L, 60L), List.of(1L, 2L, 3L)));
        List<float[]> got = numbers(model, s -> {
            Run run = s.run(rows);
            Value<Any> one = run.get("logits")
                    .at(index("batch", 1), position(-1))
                    .logSoftmax("vocab")
                    .at(index("vocab", 7))
                    .negate();
            Run alone = s.run(Input.ids(9, 2, 11, 60));
            Value<Any> gradient = one.sum().gradient(run.get(EARLY));
            return List.of(
                    gradient.at(index("batch", 1)),
                    loss(alone).gradient(alone.get(EARLY)),
                    gradient.at(index("batch", 0)).abs().sum(),
                    gradient.at(index("batch", 2)).abs().sum());
        });
        near(got.get(0), got.get(1));
        assertThat(got.get(2)).containsOnly(0);
        assertThat(got.get(3)).containsOnly(0);
    }

    @Test
    void whatLiesBeforeAnEditedGradientSeesTheEdit() {
        List<float[]> got = numbers(model, s -> {
            Run run = s.run(PROMPT);
            Value<Any> plain = loss(run);
            Value<Any> edited = loss(run).plus(0);
            edited.updateGradient(run.get(LATE), g -> g.with(position(1), 0).times(3));
            // the same by a number that hands on the edited gradient: a product with it, held still
            Value<Any> same = run.get(LATE)
                    .times(plain.gradient(run.get(LATE))
                            .with(position(1), 0)
                            .times(3)
                            .stopGradient())
                    .sum();
            return List.of(edited.gradient(run.get(EARLY)), same.gradient(run.get(EARLY)));
        });
        near(got.get(0), got.get(1));
    }

    @Test
    void aStepAlongAGradientLowersTheLoss() {
        List<float[]> got = numbers(model, s -> {
            Run run = s.run(PROMPT);
            Value<Any> gradient = loss(run).gradient(run.get(EARLY));
            Value<Any> step = gradient.times(1e-3).over(gradient.norm());
            Run after = s.run(PROMPT, t -> t.update(EARLY, x -> x.minus(step)));
            return List.of(loss(run), loss(after), gradient.norm());
        });
        double slope = (got.get(0)[0] - got.get(1)[0]) / 1e-3;
        assertThat(slope).isCloseTo(got.get(2)[0], within(0.05 * got.get(2)[0]));
    }

    @Test
    void gradientsOfGradientsPassTheWholeModel() {
        Random random = new Random(5);
        float[] direction = new float[5 * 32];
        for (int i = 0; i < direction.length; i++) {
            direction[i] = (float) random.nextGaussian();
        }
        Tensor along = Tensor.of(direction, 1, 5, 32);
        double step = 0.01;
        Site<Any> embed = Site.of("embed");
        List<float[]> got = numbers(model, s -> {
            Value<Any> v = s.constant(along);
            Run run = s.run(PROMPT);
            Value<Any> once = loss(run).gradient(run.get(embed));
            Run up = s.run(PROMPT, t -> t.update(embed, x -> x.plus(v.times(step))));
            Run down = s.run(PROMPT, t -> t.update(embed, x -> x.minus(v.times(step))));
            Value<Any> difference = loss(up).gradient(up.get(embed))
                    .minus(loss(down).gradient(down.get(embed)))
                    .over(2 * step);
            return List.of(once.times(v).sum().gradient(run.get(embed)), difference);
        });
        float most = 0;
        for (float each : got.get(1)) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(most).isGreaterThan(1e-3f);
        assertThat(got.get(0)).usingComparatorWithPrecision(1e-2f * most).containsExactly(got.get(1));
    }

    @Test
    void fusedOperatorsAreDifferentiatedInside() {
        try (OnnxModel fused = open("ort_fused.onnx")) {
            Function<Session, List<Value<Any>>> body = s -> {
                Run run = s.run(PROMPT);
                Value<Any> number = loss(run);
                return List.of(
                        number.gradient(run.get("embed")),
                        number.gradient(run.get("layers.1#pattern")),
                        number.gradient(run.get("layers.1#z")),
                        number.gradient(run.get("layers.1#mlp_post")));
            };
            List<float[]> wanted = numbers(model, body);
            List<float[]> got = numbers(fused, body);
            for (int i = 0; i < wanted.size(); i++) {
                near(got.get(i), wanted.get(i));
            }
        }
    }

    @Test
    void gradientsAreFloatsOfTheValuesOwnShape() {
        Tensor gradient = model.session(s -> {
                    Run run = s.run(Input.rows(List.of(List.of(5L, 17L, 40L), List.of(9L, 2L, 11L, 60L))));
                    return loss(run).gradient(run.get(EARLY)).save();
                })
                .value();
        assertThat(gradient.dtype()).isEqualTo(DType.FLOAT32);
        assertThat(gradient.describe()).isEqualTo("float32[batch=2, position=4, d_model=32]");
    }
}
