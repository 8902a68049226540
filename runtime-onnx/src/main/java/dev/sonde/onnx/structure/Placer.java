package dev.sonde.onnx.structure;

import dev.sonde.onnx.unfuse.Unfused;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Gives every node its place: the keys of the modules around it, outermost first. A key is a module's path, with {@code @1}
 * behind it in the module's second call.
 */
final class Placer {
    /** Operators that exporters and optimisers name anew though they are still the whole of the module that owns the weight. */
    private static final Set<String> OWNED = Set.of(
            "LayerNormalization",
            "SimplifiedLayerNormalization",
            "RMSNormalization",
            "Gemm",
            "MatMul",
            "Add",
            "Gather",
            "Conv");

    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final List<@Nullable List<String>> places = new ArrayList<>();
    private int said;

    private Placer(Graph graph, Shapes shapes, DataPath data) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
    }

    /**
     * @param places of all nodes, by number
     * @param said how many nodes had a place of their own
     */
    record Result(List<List<String>> places, int said) {}

    static Result place(Graph graph, Shapes shapes, DataPath data, Unfused unfused) {
        Placer placer = new Placer(graph, shapes, data);
        placer.readScopes();
        if (placer.said == 0) {
            return new Result(java.util.Collections.nCopies(graph.size(), List.of()), 0);
        }
        new Roots(graph, placer.places).find();
        SameWeights same = new SameWeights(graph);
        CountedCalls counted = new CountedCalls(graph, placer.places, same);
        counted.read();
        placer.takeFromWeights();
        new FusedPlaces(graph, placer.places, unfused).run();
        List<List<String>> all = placer.fill();
        new Hoist(graph, data, all).run();
        new RepeatedCalls(graph, shapes, data, all, same, counted).split();
        return new Result(all, placer.said);
    }

    private void readScopes() {
        for (int i = 0; i < graph.size(); i++) {
            Optional<List<String>> scope = ScopeNames.of(graph.nodes.get(i));
            places.add(scope.orElse(null));
            said += scope.isPresent() ? 1 : 0;
        }
    }

    private void takeFromWeights() {
        Set<List<String>> known = new HashSet<>();
        places.forEach(place -> addPrefixes(place, known));
        for (int i = 0; i < graph.size(); i++) {
            if (places.get(i) == null && OWNED.contains(graph.op(i))) {
                places.set(i, owner(i).orElse(null));
            }
        }
    }

    private static void addPrefixes(@Nullable List<String> place, Set<List<String>> known) {
        for (int i = 0; place != null && i <= place.size(); i++) {
            known.add(place.subList(0, i));
        }
    }

    /** The one module that all of the node's named weights belong to. */
    private Optional<List<String>> owner(int node) {
        Set<List<String>> owners = new LinkedHashSet<>();
        for (String value : graph.uses(node)) {
            if (graph.isConstant(value)) {
                Owners.of(value).ifPresent(path -> owners.add(Owners.chain(path)));
            }
        }
        return owners.size() == 1 ? Optional.of(owners.iterator().next()) : Optional.empty();
    }

    /** Nodes that say nothing lie where what they read and what reads them have in common. */
    private List<List<String>> fill() {
        @Nullable List<String>[] above = newPlaces();
        @Nullable List<String>[] below = newPlaces();
        for (int i = 0; i < graph.size(); i++) {
            above[i] = above(i, above);
        }
        for (int i = graph.size() - 1; i >= 0; i--) {
            below[i] = below(i, below);
        }
        List<List<String>> all = new ArrayList<>();
        for (int i = 0; i < graph.size(); i++) {
            List<String> common = common(above[i], below[i]);
            all.add(common == null ? List.of() : common);
        }
        return all;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private @Nullable List<String>[] newPlaces() {
        return new List[graph.size()];
    }

    private @Nullable List<String> above(int node, @Nullable List<String>[] above) {
        @Nullable List<String> place = places.get(node);
        for (String value : place == null ? graph.uses(node) : Set.<String>of()) {
            int producer = graph.producer(value);
            if (producer != Graph.NONE && shapes.isFloat(value)) {
                place = common(place, above[producer]);
            }
        }
        return place;
    }

    private @Nullable List<String> below(int node, @Nullable List<String>[] below) {
        @Nullable List<String> place = places.get(node);
        if (place == null) {
            for (String value : graph.nodes.get(node).getOutputList()) {
                for (int consumer : graph.consumers(value)) {
                    place = data.readsSizesOnly(consumer) ? place : common(place, below[consumer]);
                }
            }
        }
        return place;
    }

    static @Nullable List<String> common(@Nullable List<String> a, @Nullable List<String> b) {
        if (a == null || b == null) {
            return a == null ? b : a;
        }
        int same = 0;
        while (same < a.size() && same < b.size() && a.get(same).equals(b.get(same))) {
            same++;
        }
        return a.subList(0, same);
    }

    /** Returns the module's path without the call behind it. */
    static String path(String key) {
        int at = key.indexOf('@');
        return at < 0 ? key : key.substring(0, at);
    }

    /** Splits {@code transformer.h.0.attn} as exporters do: lists are no modules of their own. */
    static final class Owners {
        private static final Pattern WEIGHT = Pattern.compile("[A-Za-z_][\\w.]*\\.(weight|bias|gamma|beta)");
        private static final Pattern NUMBER = Pattern.compile("\\d+");

        private Owners() {}

        static Optional<String> of(String weight) {
            int dot = weight.lastIndexOf('.');
            boolean named = dot > 0 && WEIGHT.matcher(weight).matches();
            return named ? Optional.of(weight.substring(0, dot)) : Optional.empty();
        }

        static List<String> chain(String path) {
            List<String> parts = Arrays.asList(path.split("\\.", -1));
            List<String> chain = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                if (i + 1 == parts.size() || !NUMBER.matcher(parts.get(i + 1)).matches()) {
                    chain.add(String.join(".", parts.subList(0, i + 1)));
                }
            }
            return chain;
        }
    }
}
