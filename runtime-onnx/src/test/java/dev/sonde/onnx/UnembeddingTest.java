package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sonde.Input;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rows of the logits are what they are in the whole, however they are computed. */
class UnembeddingTest {
    private static final RunInput ROWS =
            Input.rows(List.of(List.of(504L, 3575L, 282L, 4649L, 314L), List.of(57L, 12635L, 260L)));

    @Test
    void rowsThatAreLookedAtAreThoseOfTheWhole() {
        assumeTrue(TestModels.smollm2().isPresent(), "SmolLM2 is not there: run src-test-models/smollm2.sh");
        try (OnnxModel model = OnnxModel.open(TestModels.smollm2().orElseThrow())) {
            Tensor alone = model.trace(
                            ROWS, t -> t.get("logits").at(position(-1)).save())
                    .value();
            List<Saved<Tensor>> both = model.trace(
                    ROWS,
                    t -> List.of(
                            t.get("logits").save(),
                            t.get("logits").at(position(-1)).save()));
            Tensor whole = both.get(0).value();
            Tensor part = both.get(1).value();
            double largest = 0;
            for (int row = 0; row < 2; row++) {
                long last = row == 0 ? 4 : 2;
                for (int word = 0; word < alone.size(1); word += 97) {
                    assertThat(part.at(row, word)).isEqualTo(whole.at(row, last, word));
                    largest = Math.max(largest, Math.abs(alone.at(row, word) - whole.at(row, last, word)));
                }
            }
            assertThat(largest).isLessThan(2e-4);
        }
    }

    @Test
    void editsOfTheLogitsAreSeen() {
        assumeTrue(TestModels.smollm2().isPresent(), "SmolLM2 is not there: run src-test-models/smollm2.sh");
        try (OnnxModel model = OnnxModel.open(TestModels.smollm2().orElseThrow())) {
            Site<dev.sonde.kind.Any> logits = Site.of("logits");
            Tensor last = model.trace(ROWS, t -> {
                        t.update(logits, v -> v.times(0).plus(3));
                        return t.get(logits).at(position(-1)).save();
                    })
                    .value();
            assertThat(last.toFloats()).containsOnly(3f);
            Tensor before = model.trace(ROWS, t -> {
                        var early = t.get(logits).at(position(-1));
                        t.zero(logits);
                        return early.save();
                    })
                    .value();
            assertThat(before.at(0, 7042)).isGreaterThan(10);
        }
    }
}
