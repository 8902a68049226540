package dev.sonde.methods;

import static dev.sonde.Selector.head;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.List;

/**
 * What a model does without one of its attention heads (Michel, Levy and Neubig, "Are Sixteen Heads Really Better than One?",
 * 2019, section 3).
 */
public final class HeadAblation {
    private final Session session;
    private final RunInput input;

    private HeadAblation(Session session, RunInput input) {
        this.session = session;
        this.input = input;
    }

    /** Returns the ablations of runs of that input. */
    public static HeadAblation of(Session session, RunInput input) {
        return new HeadAblation(session, input);
    }

    /** Returns the run without a head: its output {@code z} is 0 at all positions. */
    public Run zeroed(int layer, int head) {
        return session.run(input, t -> t.zero(StandardSites.of(layer, "z"), head(head)));
    }

    /** Returns the run without all heads of a layer: {@code z} is 0. */
    public Run layerZeroed(int layer) {
        return session.run(input, t -> {
            Site<Any> z = StandardSites.of(layer, "z");
            t.update(z, v -> v.times(0));
        });
    }

    /**
     * Returns the run in which a head's output {@code z} is its mean, so that it tells nothing apart.
     *
     * @param over the axes to average over: {@code batch}, {@code position} or both
     */
    public Run replacedByMean(int layer, int head, String... over) {
        return session.run(
                input,
                t -> t.update(
                        StandardSites.of(layer, "z"),
                        v -> v.with(List.of(head(head)), v.at(head(head)).meanKeeping(over))));
    }

    /** Returns the metric of the run without each head, zeroed: {@code [layer, head]}, in the metric's unit. */
    public Value<Any> zeroedByHead(Metric metric) {
        return byHead((layer, head) -> metric.of(zeroed(layer, head)));
    }

    /**
     * Returns the metric of the run with each head replaced by its mean: {@code [layer, head]}, in the metric's unit.
     *
     * @param over the axes to average over: {@code batch}, {@code position} or both
     */
    public Value<Any> meanByHead(Metric metric, String... over) {
        return byHead((layer, head) -> metric.of(replacedByMean(layer, head, over)));
    }

    private interface Cell {
        Value<?> of(int layer, int head);
    }

    private Value<Any> byHead(Cell cell) {
        return session.grid(
                        StandardSites.layers(session.manifest()),
                        StandardSites.heads(session.run(input), "z"),
                        cell::of)
                .rename("layer", "head");
    }

    /** Returns the metric of the run without each layer's heads: {@code [layer]}, in the metric's unit. */
    public Value<Any> zeroedByLayer(Metric metric) {
        return session.stack(
                "layer",
                StandardSites.layers(session.manifest()).stream()
                        .map(layer -> metric.of(layerZeroed(layer)))
                        .toList());
    }
}
