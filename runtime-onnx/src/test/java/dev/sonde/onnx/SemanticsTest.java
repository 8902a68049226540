package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.spi.Control;
import dev.sonde.testmodels.TestModels;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What an experiment means, sentence by sentence, where no other test says it. */
class SemanticsTest {
    private static final Site<Any> EARLY = Site.of("layers.0#resid_post");
    private static final Site<Any> LATE = Site.of("layers.1#mlp_out");
    private static final RunInput PROMPT = Input.ids(5, 17, 40, 3);

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.conformance().resolve("gpt2/torchscript.onnx"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static void near(float[] got, float[] wanted) {
        float most = 0;
        for (float each : wanted) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got).usingComparatorWithPrecision(1e-5f * most).containsExactly(wanted);
    }

    @Test
    void aWriteUpstreamIsSeenDownstreamWhateverWasRecordedFirst() {
        List<Saved<Tensor>> got = model.session(s -> {
            Run backwards = s.run(PROMPT, t -> {
                t.get(LATE).save("late"); // recorded before, computed behind
                t.scale(LATE, 3);
                t.scale(EARLY, 0.5);
            });
            Run forwards = s.run(PROMPT, t -> {
                t.scale(EARLY, 0.5);
                t.get(LATE).save("late too");
                t.scale(LATE, 3);
            });
            return List.of(
                    backwards.get("logits").save(),
                    forwards.get("logits").save(),
                    backwards.get(LATE).save(),
                    forwards.get(LATE).save());
        });
        assertThat(got.get(0).value()).isEqualTo(got.get(1).value());
        assertThat(got.get(2).value()).isEqualTo(got.get(3).value());
    }

    @Test
    void everyRawValueCanBeRead() {
        List<SiteInfo> raw = model.manifest().sites().stream()
                .filter(site -> site.name().startsWith("value:") && !site.isParameter())
                .toList();
        assertThat(raw).hasSizeGreaterThan(150);
        List<Saved<Tensor>> got = model.trace(
                PROMPT, t -> raw.stream().map(site -> t.get(site.name()).save()).toList());
        for (int i = 0; i < raw.size(); i++) {
            assertThat(got.get(i).value().dtype()).isEqualTo(raw.get(i).dtype());
        }
        String block = model.manifest().site("transformer.h.1").point();
        String value = block.substring(block.indexOf("):") + 2);
        List<Saved<Tensor>> same = model.trace(
                PROMPT,
                t -> List.of(
                        t.get("value:" + value).save(), t.get("transformer.h.1").save()));
        assertThat(same.get(0).value().toFloats()).isEqualTo(same.get(1).value().toFloats());
    }

    @Test
    void aRawValueIsEditedForAllItsReaders() {
        String point = model.manifest().site("transformer.h.1").point();
        String value = point.substring(point.indexOf("):") + 2);
        List<Saved<Tensor>> got = model.session(s -> List.of(
                s.run(PROMPT, t -> t.scale(Site.of("value:" + value), 0.5))
                        .get("logits")
                        .save(),
                s.run(PROMPT, t -> t.scale(Site.of("transformer.h.1"), 0.5))
                        .get("logits")
                        .save()));
        assertThat(got.get(0).value()).isEqualTo(got.get(1).value());
    }

    @Test
    void aDonorOfOneRowIsEveryRowsDonor() {
        List<List<Long>> rows = List.of(List.of(1L, 2L, 3L, 4L), List.of(9L, 8L, 7L, 6L));
        List<Saved<Tensor>> got = model.session(s -> {
            Run donor = s.run(PROMPT);
            List<Saved<Tensor>> all = new ArrayList<>();
            all.add(s.run(Input.rows(rows), t -> t.update(EARLY, v -> v.from(donor.get(EARLY), position(1))))
                    .get("logits")
                    .save());
            for (List<Long> row : rows) {
                all.add(s.run(
                                Input.rows(List.of(row)),
                                t -> t.update(EARLY, v -> v.from(donor.get(EARLY), position(1))))
                        .get("logits")
                        .save());
            }
            return all;
        });
        near(got.get(0).value().row(0).toFloats(), got.get(1).value().row(0).toFloats());
        near(got.get(0).value().row(1).toFloats(), got.get(2).value().row(0).toFloats());
    }

    @Test
    void aPaddedBatchIsItsPromptsAlone() {
        Tensor left = Tensor.of(new long[] {0, 0, 5, 6, 7, 8, 9, 1}, 2, 4);
        Tensor mask = Tensor.of(new long[] {0, 0, 1, 1, 1, 1, 1, 1}, 2, 4);
        Tensor right = Tensor.of(new long[] {5, 6, 0, 0, 7, 8, 9, 1}, 2, 4);
        Tensor rightMask = Tensor.of(new long[] {1, 1, 0, 0, 1, 1, 1, 1}, 2, 4);
        List<List<Long>> rows = List.of(List.of(5L, 6L), List.of(7L, 8L, 9L, 1L));
        List<Saved<Tensor>> got = model.session(s -> List.of(
                edited(s.run(Input.padded(left, mask), SemanticsTest::edit)),
                edited(s.run(Input.padded(right, rightMask), SemanticsTest::edit)),
                edited(s.run(Input.rows(List.of(rows.get(0))), SemanticsTest::edit)),
                edited(s.run(Input.rows(List.of(rows.get(1))), SemanticsTest::edit))));
        for (int batch = 0; batch < 2; batch++) {
            for (int row = 0; row < 2; row++) {
                near(
                        got.get(batch).value().row(row).toFloats(),
                        got.get(2 + row).value().row(0).toFloats());
            }
        }
        assertThatThrownBy(() -> Input.padded(left, Tensor.of(new long[8], 2, 4)))
                .hasMessageContaining("all padding");
    }

    private static void edit(dev.sonde.Trace t) {
        t.scale(EARLY, -2, position(-1));
        t.zero(Site.of("layers.1#pattern"), head(1));
    }

    private static Saved<Tensor> edited(Run run) {
        return run.get("logits").save();
    }

    @Test
    void aMeanTakesTheValuesPlace() {
        List<Saved<Tensor>> got = model.trace(PROMPT, t -> {
            Saved<Tensor> before = t.get(LATE).mean("position").save();
            t.update(LATE, v -> v.meanKeeping("position"));
            return List.of(
                    before,
                    t.get(LATE).at(position(0)).save(),
                    t.get(LATE).at(position(-1)).save());
        });
        near(got.get(1).value().toFloats(), got.get(0).value().toFloats());
        near(got.get(2).value().toFloats(), got.get(0).value().toFloats());
    }

    @Test
    void manyThreadsShareAModel() throws InterruptedException, ExecutionException {
        List<Tensor> wanted = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            wanted.add(scaled(i));
        }
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try {
            List<Future<Tensor>> got = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                int factor = i % 8;
                got.add(pool.submit(() -> scaled(factor)));
            }
            for (int i = 0; i < got.size(); i++) {
                assertThat(got.get(i).get()).isEqualTo(wanted.get(i % 8));
            }
        } finally {
            pool.shutdownNow();
        }
    }

    private static Tensor scaled(int factor) {
        return model.trace(PROMPT, t -> {
                    t.scale(EARLY, factor);
                    return t.get("logits").save();
                })
                .value();
    }

    @Test
    void closingWaitsForARunAndIsRefusedFromWithinIt() throws InterruptedException {
        OnnxModel own = OnnxModel.open(TestModels.conformance().resolve("gpt2/torchscript.onnx"));
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<Throwable> refused = new AtomicReference<>();
        AtomicReference<Tensor> result = new AtomicReference<>();
        Thread run = new Thread(() -> result.set(own.session(
                        s -> s.run(PROMPT).get("logits").log("seen").save(), new Control() {
                            @Override
                            public void log(String label, Tensor value) {
                                try {
                                    own.close();
                                } catch (RuntimeException e) {
                                    refused.set(e);
                                }
                                running.countDown();
                                await(goOn);
                            }
                        })
                .value()));
        run.start();
        await(running);
        Thread closing = new Thread(own::close);
        closing.start();
        closing.join(50);
        assertThat(closing.isAlive()).isTrue();
        goOn.countDown();
        run.join();
        closing.join();
        assertThat(result.get().size(1)).isEqualTo(4);
        assertThat(refused.get()).hasMessageContaining("[model-in-use]");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
