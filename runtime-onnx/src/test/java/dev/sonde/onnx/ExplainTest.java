package dev.sonde.onnx;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** What a plan says about itself. */
class ExplainTest {
    private static final OnnxModel MODEL = OnnxModel.open(TestModels.tiny("names"));
    private static final RunInput PROMPT = Input.ids(1, 3, 44, 9);

    @AfterAll
    static void close() {
        MODEL.close();
    }

    private static String explain(Consumer<Session> body) {
        return MODEL.backend()
                .prepare(
                        MODEL.record(s -> {
                                    body.accept(s);
                                    return s;
                                })
                                .graph(),
                        Limits.NONE)
                .explain();
    }

    @Test
    void equalRunsAreMergedAndUnneededOnesDropped() {
        String text = explain(s -> {
            s.run(PROMPT).get("logits").save();
            s.run(PROMPT).get("layers.1#resid_post").save();
            s.run(Input.ids(1, 3)).get("logits");
        });
        assertThat(text)
                .contains("experiment: 3 runs, 10 tokens; 2 values saved")
                .contains("merged: 1 run is equal to an earlier one")
                .contains("dropped: 1 run is not needed")
                .contains("call 1: run 0 as 1 row of 4 positions");
    }

    @Test
    void aSweepIsOneBatchBehindItsDonor() {
        String text = explain(s -> {
            Run clean = s.run(PROMPT);
            s.grid(List.of(0, 1, 2), clean.positions(), (layer, at) -> {
                        Site<Any> site = Site.of("layers." + layer + "#resid_post");
                        Value<Any> logits = s.run(
                                        Input.ids(1, 3, 45, 9),
                                        t -> t.update(site, v -> v.from(clean.get(site), position(at))))
                                .get("logits");
                        return logits.at(position(-1)).at(index("vocab", 7));
                    })
                    .save();
        });
        assertThat(text)
                .contains("12 runs (1 to 12) as 12 rows of 4 positions")
                .contains("edits 3 values of the model");
    }

    @Test
    void whatNothingNeedsIsPruned() {
        assertThat(explain(s -> s.run(PROMPT).get("layers.0#resid_post").save()))
                .contains("the others are pruned")
                .contains("sessions: 1 for 1 call");
        assertThat(explain(s -> s.run(PROMPT).get("logits").save())).contains("work: about");
    }
}
