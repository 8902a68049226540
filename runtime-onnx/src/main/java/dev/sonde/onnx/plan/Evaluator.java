package dev.sonde.onnx.plan;

import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import java.util.Collection;
import java.util.Map;

/** Computes a few values of the model for one input while an experiment is planned: masks, of which plans depend. */
public interface Evaluator {
    /** Knows nothing: no plan can depend on it. */
    Evaluator NONE = (graph, input, values) -> Map.of();

    /** Returns values of the file by name; those that cannot be computed are missing. */
    Map<String, Tensor> values(ModelGraph graph, RunInput input, Collection<String> values);
}
