package dev.sonde.onnx;

import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.testmodels.TestModels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The budget decides how many rows a call has; a long sweep tells how far it is, can be ended, and leaves what it had. */
class MemoryBudgetTest {
    private static final RunInput CLEAN = Input.rows(List.of(List.of(5L, 17L, 60L, 3L, 44L, 12L)));
    private static final RunInput CORRUPT = Input.rows(List.of(List.of(8L, 2L, 33L, 90L, 51L, 6L)));

    private static OnnxModel open(long budget) {
        return OnnxModel.open(
                TestModels.conformance().resolve("gpt2/torchscript.onnx"),
                Options.builder().memoryBudget(budget).build());
    }

    private static List<Saved<Tensor>> sweep(Model model, Session s) {
        Run clean = s.run(CLEAN);
        List<Saved<Tensor>> saved = new ArrayList<>();
        for (int layer = 0; layer < model.manifest().layers(); layer++) {
            Site<Any> site = Site.of("layers." + layer + "#resid_post");
            for (int at = 0; at < 6; at++) {
                int place = at;
                Run run = s.run(CORRUPT, t -> t.update(site, v -> v.from(clean.get(site), position(place))));
                saved.add(run.get("logits").at(position(-1)).save("cell " + layer + " " + at));
            }
        }
        return saved;
    }

    private static int calls(OnnxModel model) {
        return ((Plan) model.backend()
                        .prepare(model.record(s -> sweep(model, s)).graph(), Limits.NONE))
                .programs()
                .size();
    }

    /** Ends the work after some calls. */
    private static final class Until implements Control {
        private final long calls;
        private final Map<String, Tensor> saved = new HashMap<>();
        private long done;
        private long total;

        Until(long calls) {
            this.calls = calls;
        }

        @Override
        public void progress(long now, long all) {
            done = now;
            total = all;
        }

        @Override
        public void saved(String name, Tensor value) {
            saved.put(name, value);
        }

        @Override
        public boolean cancelled() {
            return done >= calls;
        }
    }

    @Test
    void lessMemoryMeansMoreCallsOfFewerRows() {
        try (OnnxModel large = open(1L << 30);
                OnnxModel small = open(1)) {
            assertThat(calls(small)).isGreaterThan(2 * calls(large));
        }
    }

    @Test
    void whatWasDoneWhenTheWorkWasEndedIsTold() {
        try (OnnxModel model = open(1)) {
            Until never = new Until(Long.MAX_VALUE);
            List<Saved<Tensor>> all = model.session(s -> sweep(model, s), never);
            assertThat(never.saved).hasSize(all.size());
            assertThat(never.done).isEqualTo(never.total).isEqualTo(calls(model));
            Until soon = new Until(5);
            assertThatThrownBy(() -> model.session(s -> sweep(model, s), soon))
                    .isInstanceOf(SondeException.class)
                    .hasMessageContaining("cancelled");
            assertThat(soon.saved).isNotEmpty().hasSizeLessThan(all.size());
            soon.saved.forEach((name, value) -> assertThat(value.toFloats())
                    .as(name)
                    .isEqualTo(never.saved.get(name).toFloats()));
        }
    }
}
