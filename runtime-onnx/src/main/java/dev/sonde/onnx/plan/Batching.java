package dev.sonde.onnx.plan;

import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Decides which runs become rows of one batch: those whose inputs have the same sizes, and which read and write only values
 * that have a row for each row of the input.
 */
final class Batching {
    private static final Size BATCH = Size.symbol("batch");

    private final Target target;
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final Planning planning;
    private final Memory memory;

    Batching(Target target, InterventionGraph graph, Dependencies dependencies, Planning planning, Memory memory) {
        this.target = target;
        this.graph = graph;
        this.dependencies = dependencies;
        this.planning = planning;
        this.memory = memory;
    }

    /** Returns the batches of runs that do not need each other, in which each run is in one. */
    List<Batch> of(List<Integer> runs) {
        Map<Object, List<Integer>> alike = new LinkedHashMap<>();
        for (int run : runs) {
            Object key = planning.merge() && target.rowsAreApart() ? key(run).orElse(run) : run;
            alike.computeIfAbsent(key, unused -> new ArrayList<>()).add(run);
        }
        List<Batch> batches = new ArrayList<>();
        alike.values().forEach(same -> batches.addAll(withinMemory(same)));
        return batches;
    }

    private List<Batch> withinMemory(List<Integer> runs) {
        ModelManifest manifest = target.wiring().manifest();
        int most = memory.most(runs);
        int count = (runs.size() + most - 1) / most;
        List<Batch> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Integer> part = runs.subList(runs.size() * i / count, runs.size() * (i + 1) / count);
            batches.add(Batch.of(manifest, graph.runs(), part));
        }
        return batches;
    }

    /** Returns what runs of one batch must have in common, or nothing if a run must be alone. */
    private Optional<Object> key(int run) {
        boolean generates = Dependencies.isOfGeneration(graph.runs().get(run));
        if (generates || !inputsHaveRows(run) || !sitesHaveRows(run)) {
            return Optional.empty();
        }
        List<String> stops = dependencies.effects(run).stream()
                .filter(Effect.Stop.class::isInstance)
                .map(stop -> ((Effect.Stop) stop).site())
                .toList();
        Map<String, Long> sizes = new TreeMap<>(
                new ShapeRules(target.wiring().manifest()).sizes(graph.runs().get(run)));
        sizes.remove("batch");
        boolean tokens = graph.runs().get(run) instanceof RunInput.Tokens;
        return Optional.of(List.of(tokens, names(graph.runs().get(run)), sizes, stops));
    }

    private static List<String> names(RunInput input) {
        return input instanceof RunInput.Tensors tensors
                ? tensors.tensors().entrySet().stream()
                        .map(entry -> entry.getKey() + ":" + entry.getValue().dtype())
                        .sorted()
                        .toList()
                : List.of();
    }

    private boolean inputsHaveRows(int run) {
        RunInput input = graph.runs().get(run);
        if (input instanceof RunInput.Tokens tokens && !tokens.extra().isEmpty()) {
            return false;
        }
        return target.wiring().manifest().inputs().stream()
                .map(ModelInput::axes)
                .allMatch(Batching::hasRows);
    }

    private boolean sitesHaveRows(int run) {
        for (Effect effect : dependencies.effects(run)) {
            if (effect instanceof Effect.Write write && !hasRows(write.site())) {
                return false;
            }
            if (effect instanceof Effect.Skip skip
                    && !target.wiring().manifest().module(skip.module()).sites().stream()
                            .allMatch(this::hasRows)) {
                return false;
            }
        }
        for (int id = dependencies.needed().nextSetBit(0);
                id >= 0;
                id = dependencies.needed().nextSetBit(id + 1)) {
            Node node = graph.nodes().get(id);
            boolean own = dependencies.owner(id) == run;
            boolean called = node instanceof Node.Call;
            if (own && (called || (node instanceof Node.Read read && !hasRows(read.site())))) {
                return false;
            }
        }
        return true;
    }

    private boolean hasRows(String site) {
        SiteInfo info = target.wiring().manifest().site(site);
        return hasRows(info.axes());
    }

    private static boolean hasRows(List<AxisInfo> axes) {
        return !axes.isEmpty()
                && axes.get(0).size().equals(BATCH)
                && axes.stream().skip(1).noneMatch(axis -> axis.size().symbols().contains("batch"));
    }
}
