package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parameters, read and edited. Edits are held to the same change made in the values that they lead to. */
class ParametersTest {
    private static final String W_OUT = "value:transformer.h.1.mlp.c_proj.weight";
    private static final Path FILE = TestModels.conformance().resolve("gpt2/torchscript.onnx");
    private static final RunInput PROMPT = Input.ids(5, 17, 40, 3, 22);
    private static final RunInput OTHER = Input.ids(61, 2, 9, 77, 30);

    @TempDir
    static Path cache;

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(FILE, Options.builder().cacheFolder(cache).build());
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Tensor random(long seed, long... shape) {
        Random random = new Random(seed);
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() / 4;
        }
        return Tensor.of(values, shape);
    }

    private static void near(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        float most = 0;
        for (float each : wanted.toFloats()) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got.toFloats()).usingComparatorWithPrecision(1e-5f * most).containsExactly(wanted.toFloats());
    }

    private static void editWOut(Trace t, Value<?> change) {
        t.update(Site.of(W_OUT), w -> w.plus(change));
    }

    @Test
    void aParameterIsWhatTheFileHas() throws IOException {
        TensorProto wanted = ModelProto.parseFrom(Files.readAllBytes(FILE)).getGraph().getInitializerList().stream()
                .filter(each -> each.getName().equals("transformer.h.1.mlp.c_proj.weight"))
                .findFirst()
                .orElseThrow();
        Saved<Tensor> got = model.session(s -> s.parameter(W_OUT).save());
        assertThat(got.value().shape()).containsExactly(128, 32);
        assertThat(got.value().bytes()).isEqualTo(wanted.getRawData().asReadOnlyByteBuffer());
    }

    @Test
    void gradientsByAParameterAreThoseOfDifferences() {
        Tensor along = random(7, 128, 32);
        double step = 0.02;
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> w = s.parameter(W_OUT).as(Any.class);
            Value<Any> direction = s.constant(along);
            Value<Any> one = loss(s.run(PROMPT));
            Value<Any> other = loss(s.run(OTHER));
            Value<Any> up = loss(s.run(PROMPT, t -> editWOut(t, direction.times(step))));
            Value<Any> down = loss(s.run(PROMPT, t -> editWOut(t, direction.times(-step))));
            Value<Any> penalty = w.times(w).sum();
            return List.of(
                    one.gradient(w).times(direction).sum().save(),
                    other.gradient(w).times(direction).sum().save(),
                    up.minus(down).over(2 * step).save(),
                    one.plus(penalty).gradient(w).minus(one.gradient(w)).save(),
                    w.times(2).save());
        });
        double first = got.get(0).value().item();
        double second = got.get(1).value().item();
        assertThat(first).isCloseTo(got.get(2).value().item(), within(1e-2 * Math.abs(first)));
        assertThat(second).isNotCloseTo(first, within(1e-3));
        near(got.get(3).value(), got.get(4).value());
    }

    private static Value<Any> loss(Run run) {
        Value<Any> logits = run.get("logits").at(position(-1));
        return logits.times(logits).mean();
    }

    @Test
    void aRankOneEditIsTheSameChangeOfWhatTheMlpReturns() {
        Tensor key = random(1, 128);
        Tensor direction = random(2, 32);
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> u = s.constant(key);
            Value<Any> v = s.constant(direction);
            Run edited = s.run(PROMPT, t -> editWOut(t, u.unsqueeze(1, "").times(v)));
            Run same = s.run(PROMPT, t -> {
                Value<Any> along = t.get("transformer.h.1.mlp.c_proj#input").matmul(u);
                t.update(
                        Site.of("transformer.h.1.mlp#output"),
                        mlp -> mlp.plus(along.unsqueeze(2, "").times(v)));
            });
            Run plain = s.run(PROMPT);
            return List.of(
                    edited.get("logits").save(),
                    same.get("logits").save(),
                    plain.get("logits").save(),
                    edited.get("layers.0#resid_post").save(),
                    plain.get("layers.0#resid_post").save());
        });
        near(got.get(0).value(), got.get(1).value());
        assertThat(got.get(0).value()).isNotEqualTo(got.get(2).value());
        assertThat(got.get(3).value()).isEqualTo(got.get(4).value());
    }

    @Test
    void lowRankAdaptersAreValues() {
        Tensor a = random(3, 128, 2);
        Tensor b = random(4, 2, 32);
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> lora = s.constant(a).matmul(s.constant(b));
            Run edited = s.run(PROMPT, t -> editWOut(t, lora));
            Run same = s.run(PROMPT, t -> {
                Value<Any> added = t.get("transformer.h.1.mlp.c_proj#input")
                        .matmul(s.constant(a))
                        .matmul(s.constant(b));
                t.update(Site.of("transformer.h.1.mlp#output"), mlp -> mlp.plus(added));
            });
            return List.of(
                    edited.get("logits").at(position(-1)).save(),
                    same.get("logits").at(position(-1)).save());
        });
        near(got.get(0).value(), got.get(1).value());
    }

    @Test
    void anEditOfAParameterIsSeenByItsRunAlone() {
        Saved<Tensor> alone = model.trace(OTHER, t -> t.get("logits").save());
        Saved<Tensor> before = model.trace(PROMPT, t -> t.get("logits").save());
        List<Saved<Tensor>> together = model.session(s -> {
            Run edited = s.run(PROMPT, t -> t.zero(Site.of(W_OUT)));
            return List.of(
                    s.run(OTHER).get("logits").save(),
                    edited.get("logits").save(),
                    s.run(PROMPT).get("logits").save());
        });
        Saved<Tensor> after = model.trace(PROMPT, t -> t.get("logits").save());
        near(together.get(0).value(), alone.value());
        near(together.get(2).value(), before.value());
        assertThat(together.get(1).value()).isNotEqualTo(before.value());
        assertThat(after.value()).isEqualTo(before.value());
    }

    @Test
    void manyEditsOfOneParameterGiveEachItsOwnNumbers() {
        List<Double> factors = List.of(0.0, 0.5, 2.0);
        List<Saved<Tensor>> together = model.session(s -> factors.stream()
                .map(factor -> s.run(PROMPT, t -> t.scale(Site.of(W_OUT), factor))
                        .get("logits")
                        .save())
                .toList());
        for (int i = 0; i < factors.size(); i++) {
            double factor = factors.get(i);
            Saved<Tensor> single = model.trace(PROMPT, t -> {
                t.scale(Site.of(W_OUT), factor);
                return t.get("logits").save();
            });
            assertThat(together.get(i).value()).isEqualTo(single.value());
        }
    }

    @Test
    void getShowsAParameterAsTheRunsEditsLeaveIt() {
        List<Saved<Tensor>> got = model.trace(PROMPT, t -> {
            Saved<Tensor> before = t.get(W_OUT).save();
            t.scale(Site.of(W_OUT), 3);
            Saved<Tensor> after = t.get(W_OUT).save();
            return List.of(
                    before,
                    after,
                    t.parameter(W_OUT).save(),
                    t.parameter(W_OUT).times(3).save());
        });
        assertThat(got.get(0).value()).isEqualTo(got.get(2).value());
        assertThat(got.get(1).value()).isEqualTo(got.get(3).value());
        assertThat(got.get(1).value()).isNotEqualTo(got.get(0).value());
    }

    @Test
    void aCalledModuleHasTheRunsParameters() {
        Site<Any> gain = Site.of("value:transformer.ln_f.weight");
        List<Saved<Tensor>> got = model.session(s -> {
            Run plain = s.run(PROMPT);
            Value<Any> hidden = plain.get("layers.1#resid_post");
            Run edited = s.run(PROMPT, t -> t.zero(gain));
            Value<Any> bias = s.parameter("value:transformer.ln_f.bias").as(Any.class);
            return List.of(
                    edited.call("transformer.ln_f", hidden).save(),
                    hidden.times(0).plus(bias).save(),
                    plain.call("transformer.ln_f", hidden).save());
        });
        assertThat(got.get(0).value().toFloats()).isEqualTo(got.get(1).value().toFloats());
        assertThat(got.get(2).value().toFloats())
                .isNotEqualTo(got.get(1).value().toFloats());
    }

    @Test
    void aWrongShapeIsRefusedWhileRecording() {
        assertThatThrownBy(() -> model.record(s -> s.run(PROMPT, t -> t.set(Site.of(W_OUT), ones(s)))))
                .isInstanceOf(SondeException.class)
                .hasMessageStartingWith("[shape-mismatch] Cannot write '" + W_OUT
                        + "': expected float32[128, 32] but was float32[32, 128]\n")
                .hasMessageContaining("at ParametersTest.java:");
        assertThatThrownBy(() -> model.record(s -> s.parameter("layers.0#resid_post")))
                .hasMessageContaining("[not-a-parameter] Site 'layers.0#resid_post' is no parameter");
    }

    private static Value<Any> ones(Session s) {
        return s.constant(Tensor.scalar(DType.FLOAT32, 1)).expand(32, 128);
    }

    @Test
    void graphsWithParametersSurviveTheirFile() {
        InterventionGraph graph = model.record(s -> {
                    Value<?> w = s.parameter(W_OUT).times(2);
                    return s.run(PROMPT, t -> t.set(Site.of(W_OUT), w.as(Any.class)))
                            .get("logits")
                            .save("logits");
                })
                .graph();
        InterventionGraph back = GraphFile.read(ByteBuffer.wrap(GraphFile.write(graph)), "graph");
        assertThat(back).isEqualTo(graph);
        assertThat(model.run(back).saved()).isEqualTo(model.run(graph).saved());
    }
}
