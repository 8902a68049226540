package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.onnx.unfuse.Fusion;
import dev.sonde.onnx.unfuse.Unfused;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Places what was inside fused operators. A sum that was fused with the norm behind it ends the block before the norm; an
 * attention that an optimiser left without a name lies in the block of the projection that reads it.
 */
final class FusedPlaces {
    private static final Pattern BLOCK = Pattern.compile("(.*\\.)?\\d+(@\\d+)?");
    private static final Pattern ATTENTION = Pattern.compile("(?i).*att[^.]*");
    private static final Set<String> ATTENTIONS =
            Set.of("Attention", "QAttention", "MultiHeadAttention", "GroupQueryAttention");

    private final Graph graph;
    private final List<@Nullable List<String>> places;
    private final Unfused unfused;
    private final Set<String> streams = new HashSet<>();

    FusedPlaces(Graph graph, List<@Nullable List<String>> places, Unfused unfused) {
        this.graph = graph;
        this.places = places;
        this.unfused = unfused;
        unfused.fusions().forEach(each -> streams.addAll(each.streams()));
    }

    void run() {
        Set<String> written = new HashSet<>();
        unfused.fusions().forEach(each -> each.nodes().forEach(node -> written.add(node.getName())));
        for (int i = 0; i < graph.size(); i++) {
            NodeProto node = graph.nodes.get(i);
            if (streams.contains(node.getName())) {
                places.set(i, null);
            }
            if (places.get(i) == null && written.contains(node.getName())) {
                places.set(i, ScopeNames.ofResult(node).orElse(null));
            }
        }
        for (int i = 0; i < graph.size(); i++) {
            if (streams.contains(graph.nodes.get(i).getName()) && places.get(i) == null) {
                places.set(i, ofSum(i));
            }
        }
        for (Fusion fusion : unfused.fusions()) {
            if (ATTENTIONS.contains(fusion.fused().getOpType())) {
                placeAttention(fusion);
            }
        }
    }

    /** Where the later of the two addends and the norm have something in common, or else the later one's block. */
    private @Nullable List<String> ofSum(int sum) {
        int a = graph.producer(graph.input(sum, 0));
        int b = graph.producer(graph.input(sum, 1));
        @Nullable List<String> module = above(Math.max(a, b));
        if (module == null) {
            return null;
        }
        List<String> block = block(module);
        @Nullable List<String> norm = below(graph.output(sum));
        @Nullable List<String> common = norm == null ? null : Placer.common(module, norm);
        return common != null && common.size() > block.size() && !block.isEmpty() ? common : block;
    }

    private @Nullable List<String> above(int node) {
        for (int at = node; at != Graph.NONE; at = graph.producer(graph.input(at, 0))) {
            if (places.get(at) != null) {
                return places.get(at);
            }
        }
        return null;
    }

    /** The norm behind a sum. */
    private @Nullable List<String> below(String value) {
        for (int reader : graph.consumers(value)) {
            if (graph.op(reader).endsWith("LayerNormalization")) {
                return places.get(reader);
            }
        }
        return null;
    }

    /** The part of a place that ends with the last numbered module; nothing if none has a number. */
    private static List<String> block(List<String> place) {
        int depth = place.size();
        while (depth > 0 && !BLOCK.matcher(place.get(depth - 1)).matches()) {
            depth--;
        }
        return place.subList(0, depth);
    }

    private void placeAttention(Fusion fusion) {
        int last = graph.producer(fusion.fused().getOutput(0));
        if (last == Graph.NONE) {
            return;
        }
        @Nullable List<String> place = places.get(last) != null ? places.get(last) : ofReader(graph.output(last));
        if (place == null) {
            return;
        }
        Set<String> inside = new HashSet<>();
        fusion.nodes().forEach(node -> inside.add(node.getName()));
        for (int i = last; i >= 0; i--) {
            if (inside.contains(graph.nodes.get(i).getName())) {
                places.set(i, place);
            }
        }
    }

    /** The module around the projection behind an attention, if it is named as one, or else its block. */
    private @Nullable List<String> ofReader(String value) {
        @Nullable List<String> reader = reader(value);
        List<String> block = reader == null ? List.of() : block(reader);
        if (reader == null || block.isEmpty()) {
            return null;
        }
        List<String> place = new ArrayList<>(block);
        if (reader.size() > block.size()
                && ATTENTION.matcher(reader.get(block.size())).matches()) {
            place.add(reader.get(block.size()));
        }
        return place;
    }

    private @Nullable List<String> reader(String value) {
        for (int reader : graph.consumers(value)) {
            if (places.get(reader) != null) {
                return places.get(reader);
            }
        }
        return null;
    }
}
