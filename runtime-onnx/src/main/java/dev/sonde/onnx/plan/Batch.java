package dev.sonde.onnx.plan;

import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.manifest.ModelManifest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs that are rows of one batch.
 *
 * @param runs their indices, in the order of their rows; none for a program without the model
 * @param inputs what each is given
 * @param rows how many rows each has
 */
record Batch(List<Integer> runs, List<RunInput> inputs, List<Long> rows) {
    /** The batch of a program without the model. */
    static final Batch NONE = new Batch(List.of(), List.of(), List.of());

    Batch {
        runs = List.copyOf(runs);
        inputs = List.copyOf(inputs);
        rows = List.copyOf(rows);
    }

    static Batch of(ModelManifest manifest, List<RunInput> all, List<Integer> runs) {
        ShapeRules rules = new ShapeRules(manifest);
        List<RunInput> inputs = runs.stream().map(all::get).toList();
        return new Batch(
                runs,
                inputs,
                inputs.stream()
                        .map(input -> rules.sizes(input).getOrDefault("batch", 1L))
                        .toList());
    }

    boolean isEmpty() {
        return runs.isEmpty();
    }

    boolean isSingle() {
        return runs.size() == 1;
    }

    RunInput input(int run) {
        return inputs.get(runs.indexOf(run));
    }

    long rows(int run) {
        return rows.get(runs.indexOf(run));
    }

    /** Returns each run's first row. */
    Map<Integer, Long> starts() {
        Map<Integer, Long> starts = new LinkedHashMap<>();
        long next = 0;
        for (int i = 0; i < runs.size(); i++) {
            starts.put(runs.get(i), next);
            next += rows.get(i);
        }
        return starts;
    }

    /** Returns what the model is given: the rows of all runs. */
    RunInput together() {
        if (isSingle()) {
            return inputs.get(0);
        }
        if (inputs.get(0) instanceof RunInput.Tokens) {
            List<List<Long>> ids = new ArrayList<>();
            inputs.forEach(input -> ids.addAll(((RunInput.Tokens) input).ids()));
            return new RunInput.Tokens(ids, List.of(), Map.of());
        }
        Map<String, dev.sonde.Tensor> tensors = new HashMap<>();
        for (String name : ((RunInput.Tensors) inputs.get(0)).tensors().keySet()) {
            tensors.put(
                    name,
                    Rows.stacked(inputs.stream()
                            .map(input -> ((RunInput.Tensors) input).tensors().get(name))
                            .toList()));
        }
        return new RunInput.Tensors(tensors);
    }
}
