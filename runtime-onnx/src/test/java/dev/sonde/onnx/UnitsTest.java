package dev.sonde.onnx;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.indexOfRows;
import static dev.sonde.Selector.indicesOfRows;
import static dev.sonde.Selector.position;
import static dev.sonde.Selector.positionOfRows;
import static dev.sonde.Selector.positions;
import static dev.sonde.Selector.range;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Results;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Heads, neurons, positions and subspaces as units of intervention, for all rows or for each one; and what results say of themselves. */
class UnitsTest {
    private static final Site<Any> POST = Site.of("layers.0#resid_post");
    private static final Site<Any> Z = Site.of("layers.1#z");
    private static final List<List<Long>> ROWS = List.of(List.of(5L, 17L, 40L, 3L, 22L), List.of(7L, 8L));

    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.conformance().resolve("gpt2/dynamo.onnx"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static RunInput prompt(int row) {
        return Input.rows(List.of(ROWS.get(row)));
    }

    private static void near(float[] got, float[] wanted) {
        float most = 0;
        for (float each : wanted) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got).usingComparatorWithPrecision(1e-5f * most).containsExactly(wanted);
    }

    @Test
    void eachRowHasItsOwnPositionsHeadsAndNeurons() {
        int[] places = {-2, 1};
        int[] heads = {3, 0};
        List<Saved<Tensor>> got = model.trace(Input.rows(ROWS), t -> {
            t.zero(POST, positionOfRows(-2, 1));
            t.zero(Z, indexOfRows("head", 3, 0), position(0));
            t.scale(
                    Site.of("layers.2#mlp_post"),
                    -3,
                    indicesOfRows("d_mlp", List.of(List.of(4L, 5L), List.of(9L, 1L))));
            return List.of(
                    t.get("logits").save(),
                    t.get(POST).at(positionOfRows(0, -1)).save());
        });
        List<List<Long>> neurons = List.of(List.of(4L, 5L), List.of(9L, 1L));
        for (int row = 0; row < 2; row++) {
            int at = row;
            List<Saved<Tensor>> alone = model.trace(prompt(row), t -> {
                t.zero(POST, position(places[at]));
                t.zero(Z, head(heads[at]), position(0));
                t.scale(Site.of("layers.2#mlp_post"), -3, dev.sonde.Selector.indices("d_mlp", neurons.get(at)));
                return List.of(
                        t.get("logits").save(),
                        t.get(POST).at(position(at == 0 ? 0 : -1)).save());
            });
            near(got.get(0).value().row(row).toFloats(), alone.get(0).value().toFloats());
            near(got.get(1).value().row(row).toFloats(), alone.get(1).value().toFloats());
        }
        assertThatThrownBy(() ->
                        model.record(s -> s.run(Input.rows(ROWS)).get(POST).at(positionOfRows(1))))
                .hasMessageContaining("[bad-selection] Indices of each row: expected one list for each row of");
        assertThatThrownBy(() ->
                        model.record(s -> s.run(Input.rows(ROWS)).get(POST).at(positionOfRows(0, 2))))
                .hasMessageContaining("[index-outside]");
    }

    @Test
    void aSubspaceIsPatchedAndTheRestStays() {
        float[] numbers = new float[32 * 2];
        numbers[5] = 0.6f; // two orthonormal directions
        numbers[9] = 0.8f;
        numbers[32 + 20] = 1;
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> directions = s.constant(Tensor.of(numbers, 2, 32));
            Run donor = s.run(prompt(1));
            Run base = s.run(prompt(0));
            Value<Any> there = donor.get(POST).at(position(-1));
            Run patched = s.run(
                    prompt(0),
                    t -> t.update(POST, v -> {
                        Value<Any> here = v.at(position(-1));
                        Value<Any> change = there.minus(here)
                                .matmul(directions.transpose("1", "0"))
                                .matmul(directions);
                        return v.with(position(-1), here.plus(change.rename("batch", "d_model")));
                    }));
            Value<Any> result = patched.get(POST).at(position(-1));
            return List.of(
                    result.matmul(directions.transpose("1", "0")).save(),
                    there.matmul(directions.transpose("1", "0")).save(),
                    result.at(range("d_model", 21, 32)).save(),
                    base.get(POST).at(position(-1), range("d_model", 21, 32)).save(),
                    patched.get(POST).at(positions(0, 4)).save(),
                    base.get(POST).at(positions(0, 4)).save());
        });
        near(got.get(0).value().toFloats(), got.get(1).value().toFloats());
        near(got.get(2).value().toFloats(), got.get(3).value().toFloats());
        near(got.get(4).value().toFloats(), got.get(5).value().toFloats());
    }

    @Test
    void axesAreSplitAndJoinedByName() {
        List<Saved<Tensor>> got = model.trace(prompt(0), t -> {
            Value<Any> heads =
                    t.get("transformer.h.1.attn.c_proj#input").splitAxis("d_model", List.of("head", "d_head"), 4, -1);
            assertThat(heads.type().toString()).isEqualTo("float32[batch=1, position=5, head=4, d_head=8]");
            return List.of(
                    heads.save(),
                    t.get(Z).save(),
                    heads.joinAxes("head", "d_head", "d_model").save(),
                    t.get("transformer.h.1.attn.c_proj#input").save());
        });
        assertThat(got.get(0).value()).isEqualTo(got.get(1).value());
        assertThat(got.get(2).value()).isEqualTo(got.get(3).value());
        assertThatThrownBy(() -> model.record(s -> s.run(prompt(0)).get(Z).joinAxes("d_head", "head", "d_model")))
                .hasMessageContaining("Axis 'd_head' lies behind 'head'");
    }

    @Test
    void powersAndBoundsTakeValuesAndNumbers() {
        List<Saved<Tensor>> got = model.session(s -> {
            Value<Any> x = s.constant(Tensor.of(new float[] {1, 2, 3}));
            return List.of(
                    x.pow(s.constant(Tensor.of(new float[] {2, 3, 0}))).save(),
                    x.max(2).save(),
                    x.min(2).save());
        });
        assertThat(got.get(0).value().toFloats()).containsExactly(1, 8, 1);
        assertThat(got.get(1).value().toFloats()).containsExactly(2, 2, 3);
        assertThat(got.get(2).value().toFloats()).containsExactly(1, 2, 2);
    }

    @Test
    void everyResultSaysWhatMadeIt() {
        Saved<Tensor> logits = model.trace(prompt(0), t -> {
            Saved<Tensor> saved = t.get("logits").save();
            assertThatThrownBy(saved::provenance).isInstanceOf(IllegalStateException.class);
            return saved;
        });
        assertThat(logits.provenance())
                .containsEntry("model", model.manifest().sha256())
                .containsEntry("optimization", "basic")
                .containsEntry("precision", "float32")
                .containsEntry("prepacking", "auto")
                .containsKeys("graph", "sonde", "onnxruntime", "planning", "target", "java", "producer");
        Results other = model.run(
                model.record(s -> s.run(prompt(1)).get("logits").save()).graph());
        assertThat(other.provenance().get("graph"))
                .isNotEqualTo(logits.provenance().get("graph"));
    }

    @Test
    void aDenominatorIsReplacedWhereOnnxRuntimesOptimisersFail() {
        try (OnnxModel llama = OnnxModel.open(TestModels.conformance().resolve("llama/torchscript.onnx"))) {
            List<Saved<Tensor>> got = llama.session(s -> {
                Run donor = s.run(prompt(0));
                Run run =
                        s.run(prompt(0), t -> t.set(Site.of("layers.1#norm_scale"), donor.get("layers.1#norm_scale")));
                return List.of(run.get("logits").save(), donor.get("logits").save());
            });
            near(got.get(0).value().toFloats(), got.get(1).value().toFloats());
        }
    }
}
