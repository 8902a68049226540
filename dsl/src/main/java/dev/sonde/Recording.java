package dev.sonde;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.spi.Results;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * An experiment that was recorded and has not run.
 *
 * @param graph the experiment as data
 * @param result what the body returned, usually handles of saved values
 * @param saved all handles
 * @param <T> what the body returned
 */
public record Recording<T>(InterventionGraph graph, T result, List<Saved<Tensor>> saved) {
    /** Copies its list. */
    public Recording {
        saved = List.copyOf(saved);
    }

    static <T> Recording<T> of(Recorder recorder, Function<Session, T> body) {
        T result = body.apply(new Session(recorder));
        return new Recording<>(recorder.finish(), result, recorder.saves());
    }

    /** Returns this recording with saved values under names of the caller's choice; the others are not kept. */
    public Recording<T> named(Map<String, Saved<Tensor>> names) {
        Map<String, Integer> saves = new LinkedHashMap<>();
        names.forEach((name, handle) -> saves.put(name, handle.node()));
        return new Recording<>(
                new InterventionGraph(graph.model(), graph.runs(), graph.nodes(), graph.effects(), saves),
                result,
                List.of());
    }

    /** Fills the handles from results. */
    T fill(Results results) {
        for (Saved<Tensor> handle : saved) {
            Tensor tensor = results.saved().get(handle.name());
            if (tensor != null) {
                handle.fill(tensor, results.provenance());
            }
        }
        return result;
    }
}
