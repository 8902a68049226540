package dev.sonde.methods;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static dev.sonde.methods.References.assertClose;
import static dev.sonde.methods.References.method;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trained;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Methods that train take PyTorch's way step by step ({@code src-test-models/scripts/method_reference.py}). */
class MethodTrajectoriesTest {
    private static final double CLOSE = 2e-3;
    private static final Site<Any> STREAM = Site.of("layers.1#resid_post");
    private static final int LAYERS = 3;

    @SuppressWarnings("NullAway.Init") // opened before the first test
    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.tiny("names"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static Dataset rows() {
        return Rows.dataset(method("ids"));
    }

    private static RunInput prompts(List<Row> rows) {
        return prompts(rows.stream().mapToInt(Rows::number));
    }

    private static RunInput prompts(IntStream rows) {
        return Input.rows(rows.mapToObj(row ->
                        Arrays.stream(method("ids").row(row).toLongs()).boxed().toList())
                .toList());
    }

    private static List<Long> wanted(String name, List<Row> rows) {
        return rows.stream()
                .map(row -> (long) method(name).at(Rows.number(row)))
                .toList();
    }

    @Test
    void aProbe() {
        LinearProbe probe = LinearProbe.of("probe", 64, 8);
        Trained trained = model.train(
                        rows(),
                        (s, rows) -> probe.loss(
                                s,
                                s.run(prompts(rows)).get("layers.2#resid_post").at(position(-1)),
                                wanted("probe/labels", rows).stream()
                                        .mapToLong(Long::longValue)
                                        .toArray()))
                .optimizer(Optimizer.adam(0.02))
                .batch(8)
                .steps(60)
                .run();
        assertClose(trained.losses(), "probe/losses", CLOSE);
        assertClose(probe.trainables().get(0).tensor(), "probe/final_weight", CLOSE);
        assertClose(probe.trainables().get(1).tensor(), "probe/final_bias", CLOSE);
    }

    @Test
    void aMaskOfHeadsWhoseTemperatureFalls() {
        BinaryMask mask = BinaryMask.of("heads", 2, LAYERS, 4);
        Trained trained = model.train(rows(), (s, rows, step) -> {
                    Value<Any> open = mask.soft(s, Math.pow(0.1, step / 60.0));
                    return divergence(s, prompts(rows), open).plus(open.mean().times(2));
                })
                .optimizer(Optimizer.adam(0.1))
                .batch(8)
                .steps(60)
                .run();
        assertClose(trained.losses(), "mask/losses", CLOSE);
        assertClose(mask.logits().tensor(), "mask/final_logits", CLOSE);
        Tensor hard = model.session(s -> mask.hard(s).save()).value();
        for (int i = 0; i < hard.count(); i++) {
            assertThat(hard.toDoubles()[i]).isEqualTo(mask.logits().tensor().toDoubles()[i] > 0 ? 1 : 0);
        }
    }

    @Test
    void aMaskOfHeadsThatIsDrawn() {
        BinaryMask mask = BinaryMask.of("heads", 2, LAYERS, 4);
        Tensor first = model.session(s -> mask.sampled(
                                s, s.constant(method("hard_concrete/noise").row(0)))
                        .save())
                .value();
        assertClose(first, "hard_concrete/first_sample", 1e-5);
        Trained trained = model.train(rows(), (s, rows, step) -> {
                    Value<Any> open = mask.sampled(
                            s, s.constant(method("hard_concrete/noise").row((int) step)));
                    return divergence(s, prompts(rows), open)
                            .plus(mask.expectedOpen(s).mean().times(2));
                })
                .optimizer(Optimizer.adam(0.1))
                .batch(8)
                .steps(40)
                .run();
        assertClose(trained.losses(), "hard_concrete/losses", CLOSE);
        assertClose(mask.logits().tensor(), "hard_concrete/final_logits", CLOSE);
    }

    private static Value<Any> divergence(Session s, RunInput input, Value<Any> open) {
        Run whole = s.run(input);
        Run masked = s.run(input, t -> {
            for (int layer = 0; layer < LAYERS; layer++) {
                Value<Any> heads = open.at(index("0", layer)).unsqueeze(1, "");
                BinaryMask.blend(t, StandardSites.of(layer, "z"), heads, t.constant(0));
            }
        });
        return Metric.divergenceFrom(whole).of(masked);
    }

    @Test
    void drawnMasksDifferBySeedOnly() {
        BinaryMask mask = BinaryMask.of("heads", 0, 50);
        List<Saved<Tensor>> drawn = model.session(s ->
                Stream.of(1, 1, 2).map(seed -> mask.sampled(s, seed).save()).toList());
        assertThat(drawn.get(0).value()).isEqualTo(drawn.get(1).value());
        assertThat(drawn.get(0).value()).isNotEqualTo(drawn.get(2).value());
        assertThat(drawn.get(0).value().toDoubles()).contains(0, 1);
    }

    @Test
    void aSparseAutoencoder() {
        SparseAutoencoder sae = SparseAutoencoder.of("sae", 64, 96, 1);
        sae.trainables().get("W_dec").set(method("sae/start"));
        sae.trainables().get("W_enc").set(turned(method("sae/start")));
        Trained trained = model.train(
                        rows(), (s, rows) -> sae.loss(s, s.run(prompts(rows)).get(STREAM), 3e-3))
                .optimizer(Optimizer.adam(3e-3))
                .batch(8)
                .steps(80)
                .run();
        assertClose(trained.losses(), "sae/losses", CLOSE);
        sae.trainables().forEach((name, each) -> assertClose(each.tensor(), "sae/final_" + name, CLOSE));

        List<Saved<Tensor>> found = model.session(s -> {
            RunInput input = prompts(IntStream.range(0, 4));
            int strongest = (int) method("sae/strongest").at(0);
            return List.of(
                    sae.features(s, s.run(input).get(STREAM)).save(),
                    last(s.run(input, t -> sae.splice(s, t, STREAM))),
                    last(s.run(input, t -> sae.edit(s, t, STREAM, f -> f.with(index("-1", strongest), 0)))));
        });
        assertClose(found.get(0).value(), "sae/features", CLOSE);
        assertClose(found.get(1).value(), "sae/spliced_logits", CLOSE);
        assertClose(found.get(2).value(), "sae/ablated_logits", CLOSE);
    }

    @Test
    void anAutoencoderIsReadFromItsWeights() {
        SparseAutoencoder made = SparseAutoencoder.of("sae", 4, 6, 1);
        Map<String, Tensor> named = new HashMap<>();
        made.trainables().forEach((name, each) -> named.put(name, each.tensor()));
        Map<String, Tensor> kept = new HashMap<>();
        made.trainables().values().forEach(each -> kept.put(each.name(), each.tensor()));
        for (Map<String, Tensor> weights : List.of(named, kept)) {
            SparseAutoencoder read = SparseAutoencoder.of("sae", new Safetensors(weights, Map.of()));
            read.trainables().forEach((name, each) -> assertThat(each.tensor()).isEqualTo(named.get(name)));
        }
        assertThatThrownBy(() -> SparseAutoencoder.of("other", new Safetensors(kept, Map.of())))
                .hasMessageContaining("[bad-safetensors] An autoencoder needs 'W_enc' or 'other.W_enc'");
    }

    private static Saved<Tensor> last(Run run) {
        return run.get("logits").at(position(-1)).save();
    }

    private static Tensor turned(Tensor matrix) {
        int rows = (int) matrix.size(0);
        int columns = (int) matrix.size(1);
        float[] turned = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                turned[j * rows + i] = (float) matrix.at(i, j);
            }
        }
        return Tensor.of(turned, columns, rows);
    }

    @Test
    void lorasOnFourKindsOfLinear() {
        String[] modules = {
            "transformer.h.0.mlp.c_fc", "transformer.h.1.attn.c_attn", "transformer.h.2.attn.c_proj", "lm_head"
        };
        Lora lora = Lora.of(model.manifest(), 2, 1.5, 0, modules);
        for (int i = 0; i < modules.length; i++) {
            lora.trainables().get(2 * i).set(method("loras/" + i + "/a"));
        }
        Trained trained = model.train(
                        rows(),
                        (s, rows) ->
                                Metric.crossEntropy(s, wanted("givers", rows)).of(s.run(prompts(rows), lora::apply)))
                .optimizer(Optimizer.adamW(0.01).withWeightDecay(0.05))
                .batch(8)
                .steps(24)
                .run();
        assertClose(trained.losses(), "loras/losses", CLOSE);
        for (int i = 0; i < modules.length; i++) {
            assertClose(lora.trainables().get(2 * i).tensor(), "loras/final_a" + i, CLOSE);
            assertClose(lora.trainables().get(2 * i + 1).tensor(), "loras/final_b" + i, CLOSE);
        }
    }

    @Test
    void alignmentSearch() {
        try (OnnxModel mlp = OnnxModel.open(TestModels.training().resolve("equality"))) {
            Das das = Das.of("layers.1#input", 32, 16, 1);
            das.rotation().set(method("das/start"));
            Trained trained = mlp.train(pairs(), (s, rows) -> {
                        Run source = s.run(points("source", rows));
                        return loss(s, s.run(points("base", rows), t -> das.interchange(t, source)), rows);
                    })
                    .optimizer(Optimizer.adam(0.01))
                    .batch(64)
                    .steps(25)
                    .run();
            assertClose(trained.losses(), "das/losses", CLOSE);
            assertClose(das.rotation().tensor(), "das/final", CLOSE);
        }
    }

    @Test
    void boundlessAlignmentSearch() {
        try (OnnxModel mlp = OnnxModel.open(TestModels.training().resolve("equality"))) {
            BoundlessDas das = BoundlessDas.of("layers.1#input", 32, 1);
            das.rotation().set(method("boundless/start"));
            Trained trained = mlp.train(pairs(), (s, rows, step) -> {
                        Value<Any> source = s.run(points("source", rows)).get("layers.1#input");
                        double temperature = 5 * Math.pow(0.02, step / 25.0);
                        Run run = s.run(points("base", rows), t -> das.interchange(s, t, source, temperature));
                        return loss(s, run, rows).plus(das.size(s).sum().times(0.5));
                    })
                    .optimizer(Optimizer.adam(0.01))
                    .batch(64)
                    .steps(25)
                    .run();
            assertClose(trained.losses(), "boundless/losses", CLOSE);
            assertClose(das.rotation().tensor(), "boundless/final", CLOSE);
            assertClose(das.boundary().tensor(), "boundless/edge", CLOSE);
        }
    }

    private static Dataset pairs() {
        return Rows.dataset(References.training("equality/test_base"));
    }

    private static RunInput points(String part, List<Row> rows) {
        return Input.tensors(Map.of("x", Rows.of(References.training("equality/test_" + part), rows)));
    }

    private static Value<Any> loss(Session s, Run run, List<Row> rows) {
        long[] labels = rows.stream()
                .mapToLong(
                        row -> (long) References.training("equality/test_label").at(Rows.number(row)))
                .toArray();
        return run.get("logits")
                .crossEntropy(s.constant(Tensor.of(labels, labels.length)), "1")
                .mean();
    }
}
