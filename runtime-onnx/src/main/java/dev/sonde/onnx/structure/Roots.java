package dev.sonde.onnx.structure;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Completes scopes that leave out the modules around them: TorchScript names {@code decoder/layers.0} what is {@code
 * model.decoder.layers.0}, when the model calls {@code self.model.decoder} itself. The names of the weights tell.
 */
final class Roots {
    private static final String NONE = "";

    private final Graph graph;
    private final List<@Nullable List<String>> places;
    private final Map<String, Set<String>> missing = new HashMap<>();

    Roots(Graph graph, List<@Nullable List<String>> places) {
        this.graph = graph;
        this.places = places;
    }

    void find() {
        for (int i = 0; i < places.size(); i++) {
            @Nullable List<String> place = places.get(i);
            if (place != null && !place.isEmpty()) {
                learn(i, place);
            }
        }
        missing.forEach((top, prefixes) -> {
            if (prefixes.size() == 1 && !prefixes.contains(NONE)) {
                prepend(top, prefixes.iterator().next());
            }
        });
    }

    private void learn(int node, List<String> place) {
        String scope = place.get(place.size() - 1);
        for (String value : graph.uses(node)) {
            Optional<String> owner = graph.isConstant(value) ? Placer.Owners.of(value) : Optional.empty();
            owner.ifPresent(path -> {
                if (path.equals(scope)) {
                    missing.computeIfAbsent(place.get(0), unused -> new HashSet<>())
                            .add(NONE);
                } else if (path.endsWith("." + scope)) {
                    String prefix = path.substring(0, path.length() - scope.length());
                    missing.computeIfAbsent(place.get(0), unused -> new HashSet<>())
                            .add(prefix);
                }
            });
        }
    }

    private void prepend(String top, String prefix) {
        List<String> above = Placer.Owners.chain(prefix.substring(0, prefix.length() - 1));
        for (int i = 0; i < places.size(); i++) {
            @Nullable List<String> place = places.get(i);
            if (place != null && !place.isEmpty() && place.get(0).equals(top)) {
                List<String> whole = new ArrayList<>(above);
                place.forEach(each -> whole.add(prefix + each));
                places.set(i, whole);
            }
        }
    }
}
