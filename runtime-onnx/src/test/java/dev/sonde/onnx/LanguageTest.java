package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static dev.sonde.Selector.positions;
import static dev.sonde.Selector.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** What the language says about one run or several, on files of three operator sets. */
@ParameterizedClass
@ValueSource(strings = {"opset11", "torchscript", "dynamo"})
class LanguageTest {
    private static final Site<Any> POST = Site.of("layers.0#resid_post");
    private static final Site<Any> MLP = Site.of("layers.1#mlp_out");
    private static final List<List<Long>> ROWS =
            List.of(List.of(5L, 17L, 40L, 3L, 22L), List.of(7L, 8L), List.of(1L, 90L, 33L));

    @TempDir
    static Path cache;

    private final String file;
    private OnnxModel model;

    LanguageTest(String file) {
        this.file = file;
    }

    @BeforeEach
    void open() {
        model = OnnxModel.open(
                TestModels.conformance().resolve("gpt2/" + file + ".onnx"),
                Options.builder().cacheFolder(cache).build());
    }

    @AfterEach
    void close() {
        model.close();
    }

    private static RunInput prompt(int row) {
        return Input.rows(List.of(ROWS.get(row)));
    }

    private static void near(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        near(got.toFloats(), wanted.toFloats());
    }

    private static void near(float[] got, float[] wanted) {
        float most = 0;
        for (float each : wanted) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got).usingComparatorWithPrecision(1e-5f * most).containsExactly(wanted);
    }

    @Test
    void editsUnderAConditionHappenInTheRowsWhereItHolds() {
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> sum = s.run(Input.rows(ROWS)).get(POST).at(position(-1)).sum("d_model");
            Value<Any> threshold = sum.mean();
            Run edited = s.run(
                    Input.rows(ROWS), t -> t.when(sum.greaterThan(threshold), () -> t.scale(MLP, -2, position(0))));
            return List.of(
                    edited.get("logits").save(), sum.greaterThan(threshold).save());
        });
        boolean some = false;
        boolean none = false;
        for (int i = 0; i < ROWS.size(); i++) {
            boolean holds = got.get(1).value().at(i) != 0;
            some |= holds;
            none |= !holds;
            Saved<Tensor> alone = model.trace(prompt(i), t -> {
                if (holds) {
                    t.scale(MLP, -2, position(0));
                }
                return t.get("logits").save();
            });
            near(got.get(0).value().row(i).toFloats(), alone.value().toFloats());
        }
        assertThat(some && none).isTrue();
    }

    @Test
    void conditionsNest() {
        List<Saved<Tensor>> got = model.trace(prompt(0), t -> {
            Value<Any> yes = t.constant(1).greaterThan(0);
            t.when(yes, () -> {
                t.zero(MLP);
                t.when(yes.not(), () -> t.update(MLP, v -> v.plus(7)));
                t.when(yes, () -> t.update(MLP, v -> v.plus(2)));
            });
            return List.of(t.get(MLP).save());
        });
        assertThat(got.get(0).value().toFloats()).containsOnly(2);
    }

    @Test
    void skipsCannotDependOnData() {
        assertThatThrownBy(() -> model.record(s -> s.run(
                        prompt(0),
                        t -> t.when(
                                t.get(POST).mean().greaterThan(0), () -> t.skip("transformer.h.1.mlp", t.get(MLP))))))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[not-conditional]");
    }

    @Test
    void javaCodeSeesTheValueAndChangesTheRun() {
        AtomicInteger calls = new AtomicInteger();
        List<Saved<Tensor>> got = model.session(s -> {
            Run java = s.run(prompt(0), t -> {
                t.scale(POST, 0.5);
                t.update(
                        MLP,
                        v -> v.map(tensor -> {
                            calls.incrementAndGet();
                            float[] values = tensor.toFloats();
                            for (int i = 0; i < values.length; i++) {
                                values[i] *= 3;
                            }
                            return Tensor.of(values, tensor.shape());
                        }));
                t.update(Site.of("layers.2#mlp_out"), v -> v.plus(1));
            });
            Run same = s.run(prompt(0), t -> {
                t.scale(POST, 0.5);
                t.scale(MLP, 3);
                t.update(Site.of("layers.2#mlp_out"), v -> v.plus(1));
            });
            return List.of(
                    java.get("logits").save(),
                    same.get("logits").save(),
                    java.get(MLP).save(),
                    same.get(MLP).save());
        });
        near(got.get(0).value(), got.get(1).value());
        near(got.get(2).value(), got.get(3).value());
        assertThat(calls).hasValue(1);
    }

    @Test
    void javaCodeMayDependOnJavaCode() {
        List<Saved<Tensor>> got = model.session(s -> {
            Run first = s.run(prompt(0), t -> t.update(POST, v -> v.map(LanguageTest::doubled)));
            Value<Any> seen = first.get(MLP).map(LanguageTest::doubled).plus(1).map(LanguageTest::doubled);
            Run second = s.run(prompt(0), t -> t.scale(POST, 2));
            return List.of(
                    seen.save(), second.get(MLP).times(2).plus(1).times(2).save());
        });
        near(got.get(0).value(), got.get(1).value());
    }

    private static Tensor doubled(Tensor tensor) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] *= 2;
        }
        return Tensor.of(values, tensor.shape());
    }

    @Test
    void javaCodeThatReturnsAnotherShapeIsRefused() {
        assertThatThrownBy(() -> model.trace(
                        prompt(0),
                        t -> t.get(POST)
                                .map(tensor -> Tensor.of(new float[3], 3))
                                .save()))
                .hasMessageContaining("[wrong-result]")
                .hasMessageContaining("LanguageTest.java:");
    }

    @Test
    void javaCodeAndOtherOperatorsStayOnThisMachine() {
        InterventionGraph java = model.record(s ->
                        s.run(prompt(0)).get(POST).map(LanguageTest::doubled).save())
                .graph();
        assertThatThrownBy(() -> GraphFile.write(java)).hasMessageContaining("[not-portable]");
        InterventionGraph named = model.record(s -> s.run(prompt(0))
                        .get(POST)
                        .apply("LeakyRelu", Map.of("alpha", 0.5))
                        .save())
                .graph();
        assertThatThrownBy(() -> model.backend().prepare(named, Limits.SHARED))
                .hasMessageContaining("[operator-not-allowed]");
        InterventionGraph back = GraphFile.read(ByteBuffer.wrap(GraphFile.write(named)), "graph");
        assertThat(back).isEqualTo(named);
        assertThat(model.run(back).saved()).isEqualTo(model.run(named).saved());
    }

    @Test
    void anOperatorThatDoesNotFitIsRefusedWhileRecording() {
        assertThatThrownBy(() -> model.record(
                        s -> s.run(prompt(0)).get(POST).apply("Leaky", Map.of()).save()))
                .hasMessageContaining("[bad-operator] ONNX Runtime does not take Leaky (opset ")
                .hasMessageContaining("LanguageTest.java:");
        assertThatThrownBy(() -> model.record(s -> s.run(prompt(0))
                        .get(POST)
                        .apply("MatMul", Map.of(), s.constant(Tensor.of(new float[3], 3)))
                        .save()))
                .hasMessageContaining("[bad-operator]");
    }

    @Test
    void loggedValuesAreToldOnceWithTheirLabels() {
        Map<String, Tensor> told = new HashMap<>();
        InterventionGraph graph = model.record(s -> {
                    Value<Any> sum = s.run(prompt(0)).get(POST).log("stream").sum();
                    s.constant(4).log("four");
                    return sum.log("sum").save("kept");
                })
                .graph();
        Map<String, Tensor> saved = model.run(graph, new Control() {
                    @Override
                    public void log(String label, Tensor value) {
                        assertThat(told.put(label, value)).isNull();
                    }
                })
                .saved();
        assertThat(saved).containsOnlyKeys("kept");
        assertThat(told.keySet()).containsExactlyInAnyOrder("stream", "sum", "four");
        assertThat(told.get("sum")).isEqualTo(saved.get("kept"));
        assertThat(told.get("four").item()).isEqualTo(4);
        assertThat(told.get("stream").shape()).containsExactly(1, 5, 32);
    }

    @Test
    void noiseBelongsToTheSeedAndTheRow() {
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> two =
                    s.run(Input.rows(List.of(ROWS.get(0), ROWS.get(0)))).get(POST);
            Value<Any> one = s.run(prompt(0)).get(POST);
            return List.of(
                    s.noise(7, two).save(),
                    s.noise(7, one).save(),
                    s.noise(8, one).save(),
                    s.noise(7, two).save());
        });
        Tensor two = got.get(0).value();
        assertThat(two.row(0).toFloats()).isEqualTo(got.get(1).value().toFloats());
        assertThat(two.row(0).toFloats()).isNotEqualTo(two.row(1).toFloats());
        assertThat(got.get(2).value()).isNotEqualTo(got.get(1).value());
        assertThat(got.get(3).value()).isEqualTo(two);
        double mean = 0;
        double square = 0;
        for (float each : two.toFloats()) {
            mean += each / two.count();
            square += each * each / two.count();
        }
        assertThat(mean).isBetween(-0.2, 0.2);
        assertThat(square).isBetween(0.8, 1.2);
    }

    @Test
    void rowsOfDifferentLengthAreEachAsAlone() {
        List<Saved<Tensor>> got = model.session(s -> {
            Run run = s.run(Input.rows(ROWS), t -> {
                t.update(POST, v -> v.with(position(-1), v.at(position(0)).times(2)));
                t.zero(Site.of("layers.1#pattern"), head(1));
            });
            Value<Any> logits = run.get("logits");
            return List.of(
                    logits.save(),
                    logits.at(position(-1)).softmax("vocab").save(),
                    run.get(POST).at(positions(0, 2)).mean("position").save(),
                    logits.at(position(-2), row(1)).save(),
                    run.get(POST).norm("d_model").save());
        });
        for (int i = 0; i < ROWS.size(); i++) {
            int at = i;
            List<Saved<Tensor>> alone = model.session(s -> {
                Run run = s.run(prompt(at), t -> {
                    t.update(POST, v -> v.with(position(-1), v.at(position(0)).times(2)));
                    t.zero(Site.of("layers.1#pattern"), head(1));
                });
                Value<Any> logits = run.get("logits");
                return List.of(
                        logits.save(),
                        logits.at(position(-1)).softmax("vocab").save(),
                        run.get(POST).at(positions(0, 2)).mean("position").save(),
                        logits.at(position(-2), row(0)).save(),
                        run.get(POST).norm("d_model").save());
            });
            near(got.get(0).value().row(i).toFloats(), alone.get(0).value().toFloats());
            near(got.get(1).value().row(i).toFloats(), alone.get(1).value().toFloats());
            near(got.get(2).value().row(i).toFloats(), alone.get(2).value().toFloats());
            near(got.get(4).value().row(i).toFloats(), alone.get(4).value().toFloats());
            if (i == 1) {
                near(got.get(3).value(), alone.get(3).value());
            }
        }
    }

    @Test
    void positionsOfRowsThatDifferAreNotMixed() {
        for (String axis : List.of("position", "batch")) {
            assertThatThrownBy(() -> model.record(
                            s -> s.run(Input.rows(ROWS)).get(POST).mean(axis).save()))
                    .hasMessageContaining("[shape-mismatch]")
                    .hasMessageContaining("rows have different lengths [5, 2, 3]; select positions first");
        }
        assertThatThrownBy(() -> model.record(s -> s.run(Input.rows(ROWS))
                        .get("layers.0#pattern")
                        .largest("key")
                        .save()))
                .hasMessageContaining("rows have different lengths");
    }

    @Test
    void valuesOfSeveralRunsAreOneBatch() {
        List<Saved<Tensor>> got = model.session(s -> {
            List<Run> runs = new ArrayList<>();
            for (int i = 0; i < ROWS.size(); i++) {
                runs.add(s.run(prompt(i)));
            }
            return List.of(
                    s.across(runs, POST).save(),
                    s.run(Input.rows(ROWS)).get(POST).save(),
                    s.across(runs, POST).at(position(-1)).sum("batch").save(),
                    runs.get(0)
                            .get(POST)
                            .at(position(-1))
                            .plus(runs.get(1).get(POST).at(position(-1)))
                            .plus(runs.get(2).get(POST).at(position(-1)))
                            .sum("batch")
                            .save());
        });
        assertThat(got.get(0).value().rowLengths()).containsExactly(5, 2, 3);
        near(got.get(0).value(), got.get(1).value());
        near(got.get(2).value(), got.get(3).value());
    }

    @Test
    void shapesOfNoiseAndOfOtherValuesAreKnownWhileRecording() {
        model.record(s -> {
            Value<Any> post = s.run(prompt(0)).get(POST);
            assertThat(post.matmul(s.constant(Tensor.of(new float[64], 32, 2)))
                            .type()
                            .toString())
                    .isEqualTo("float32[batch=1, position=5, 2]");
            assertThat(post.cast(DType.INT64).type().toString()).isEqualTo("int64[batch=1, position=5, d_model=32]");
            return "";
        });
    }

    @Test
    void valuesThatNeedThemselvesAreRefusedWhileRecordingWithThePath() {
        assertThatThrownBy(() -> model.record(s -> s.run(
                                prompt(0),
                                t -> t.set(POST, t.get("layers.1#resid_post").times(2)))
                        .get("logits")
                        .save()))
                .hasMessageStartingWith(
                        "[cyclic-values] A value depends on itself through a write: expected writes that"
                                + " need only values before them, but 'layers.0#resid_post' needs 'layers.1#resid_post' needs"
                                + " 'layers.0#resid_post'\n    at LanguageTest.java:");
    }

    @Test
    void aCycleOverTwoWritesIsFoundAndOneThatIsCutIsNone() {
        Site<Any> later = Site.of("layers.2#mlp_out");
        assertThatThrownBy(() -> model.record(s -> s.run(prompt(0), t -> {
                            t.set(MLP, t.get(later));
                            t.update(later, v -> v.plus(t.get(POST)));
                        })
                        .get("logits")
                        .save()))
                .hasMessageContaining("'layers.1#mlp_out' needs 'layers.2#mlp_out'");
        List<Saved<Tensor>> got = model.trace(prompt(0), t -> {
            t.set(Site.of("layers.1#resid_post"), t.constant(Tensor.scalar(DType.FLOAT32, 0)));
            t.update(POST, v -> v.plus(t.get("layers.2#resid_pre")).plus(1));
            return List.of(t.get(POST).save(), t.get("layers.0#resid_mid").save());
        });
        assertThat(got.get(0).value().shape()).containsExactly(1, 5, 32);
    }

    @Test
    void runsThatNeedEachOtherAreRefusedWhileRecordingWithThePath() {
        assertThatThrownBy(() -> model.record(s -> {
                    Run first = s.run(prompt(0), t -> {
                        Run second = s.run(prompt(0), u -> u.set(POST, t.get("layers.1#resid_post")));
                        t.set(POST, second.get("layers.1#resid_post"));
                    });
                    return first.get("logits").save();
                }))
                .hasMessageContaining("[cyclic-values] Runs need values of each other: expected runs that can be put in"
                        + " an order, but run 0 needs run 1, which needs run 0\n    at LanguageTest.java:");
    }
}
