package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Graphs that differ in the numbers of their tensors only are planned once, and get their own numbers. */
class PlanReuseTest {
    private static final OnnxModel MODEL = OnnxModel.open(TestModels.tiny("names"));

    @AfterAll
    static void close() {
        MODEL.close();
    }

    private static Plan scaled(double factor, int at) {
        return (Plan) MODEL.backend()
                .prepare(
                        MODEL.record(s -> s.run(
                                                Input.ids(1, 3, 44, 9),
                                                t -> t.scale(t.site("layers.1#resid_post"), factor, position(at)))
                                        .get("logits")
                                        .save())
                                .graph(),
                        Limits.NONE);
    }

    @Test
    void otherNumbersArePlannedOnce() {
        assertThat(scaled(0.5, 2).programs()).isEqualTo(scaled(0.25, 2).programs());
        assertThat(scaled(0.5, 2).graph()).isNotEqualTo(scaled(0.25, 2).graph());
        assertThat(scaled(0.5, 2).programs()).isNotEqualTo(scaled(0.5, 1).programs());
    }

    @Test
    void eachGraphRunsWithItsOwnNumbers() {
        for (float number : List.of(1f, -2.5f, 0f)) {
            Saved<Tensor> sum = MODEL.session(s -> {
                Run run = s.run(Input.ids(1, 3, 44, 9));
                var x = run.get("layers.0#resid_post");
                return s.constant(Tensor.of(new float[] {number}))
                        .plus(x.minus(x).sum())
                        .save();
            });
            assertThat(sum.value().toFloats()).containsExactly(number);
        }
    }

    @Test
    void manyNumbersNeedOneSession() {
        OnnxBackend backend = (OnnxBackend) MODEL.backend();
        MODEL.backend().run(List.of(scaled(2, 3)), dev.sonde.spi.Control.NONE);
        long before = backend.sessionsCreated();
        for (int i = 0; i < 10_000; i += 100) {
            MODEL.backend().run(List.of(scaled(i, 3)), dev.sonde.spi.Control.NONE);
        }
        assertThat(backend.sessionsCreated()).isEqualTo(before);
    }
}
