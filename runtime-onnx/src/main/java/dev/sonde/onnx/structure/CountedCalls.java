package dev.sonde.onnx.structure;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * TorchScript counts the calls of a module where it names the nodes that lie directly in it: {@code attn/query_1} is in the
 * second call of {@code attn.query}, which is in whatever call of {@code attn}.
 */
final class CountedCalls {
    private static final Pattern COUNT = Pattern.compile("_\\d+$");

    private static final Pattern LITERAL = Pattern.compile("/Constant(_\\d+)?_output_0$");

    private final Graph graph;
    private final List<@Nullable List<String>> places;
    private final SameWeights same;
    private final Map<String, List<Integer>> scopes = new HashMap<>();
    private final Map<Integer, Count> counts = new HashMap<>();

    /**
     * @param scope path of the module that the exporter put the node in
     * @param call which of its calls, as the exporter counts
     */
    private record Count(String scope, int call) {}

    CountedCalls(Graph graph, List<@Nullable List<String>> places, SameWeights same) {
        this.graph = graph;
        this.places = places;
        this.same = same;
    }

    /** Gives the nodes of later calls the place that the first call's nodes have, and remembers the counts. */
    void read() {
        for (int i = 0; i < places.size(); i++) {
            @Nullable List<String> place = places.get(i);
            if (place != null && !place.isEmpty()) {
                scopes.computeIfAbsent(place.get(place.size() - 1), unused -> new ArrayList<>())
                        .add(i);
            }
        }
        scopes.forEach((scope, nodes) -> {
            String base = COUNT.matcher(scope).replaceFirst("");
            boolean again = !base.equals(scope) && scopes.containsKey(base) && isCall(scope, base);
            int call = again ? Integer.parseInt(scope.substring(base.length() + 1)) : 0;
            nodes.forEach(node -> counts.put(node, new Count(again ? base : scope, call)));
        });
        counts.forEach((node, count) -> rename(node, count.scope()));
    }

    private void rename(int node, String scope) {
        @Nullable List<String> place = places.get(node);
        if (place != null) {
            List<String> renamed = new ArrayList<>(place);
            renamed.set(place.size() - 1, scope);
            places.set(node, renamed);
        }
    }

    /** A call has no weights of its own: all that it reads, the first call reads too. */
    private boolean isCall(String scope, String base) {
        Set<String> own = weights(scope, base);
        Set<String> first = weights(base, base);
        boolean named = own.stream()
                .anyMatch(each -> Placer.Owners.of(each).filter(scope::equals).isPresent());
        return own.isEmpty()
                ? first.isEmpty() && operators(base).containsAll(operators(scope))
                : !named && first.containsAll(own);
    }

    private Set<String> weights(String scope, String base) {
        Set<String> weights = new HashSet<>();
        for (int node : scopes.getOrDefault(scope, List.of())) {
            graph.uses(node).stream()
                    .filter(value -> SameWeights.isWeight(graph, value) && !isLiteral(value, scope))
                    .map(value -> same.source(base, node, value))
                    .forEach(weights::add);
        }
        return weights;
    }

    /** Numbers in the code of a module, such as rotary frequencies, may be others in each call. */
    private static boolean isLiteral(String value, String scope) {
        return value.startsWith("/")
                && LITERAL.matcher(value).replaceFirst("").replace('/', '.').equals("." + scope);
    }

    private Set<String> operators(String scope) {
        Set<String> operators = new HashSet<>();
        scopes.getOrDefault(scope, List.of()).forEach(node -> operators.add(graph.op(node)));
        return operators;
    }

    /**
     * Returns in which call of a module each of its nodes is, if the exporter's counts say that it is called several times: then
     * all that lies in it is called as often, or a multiple of that.
     *
     * @param nodes of the module
     * @param computing those that compute floats: others may be shared by the calls
     */
    Optional<Map<Integer, Integer>> calls(List<Integer> nodes, Set<Integer> computing) {
        Map<String, NavigableSet<Integer>> seen = new HashMap<>();
        for (int node : nodes) {
            @Nullable Count count = counts.get(node);
            if (count != null && computing.contains(node)) {
                seen.computeIfAbsent(count.scope(), unused -> new TreeSet<>()).add(count.call());
            }
        }
        int times = seen.values().stream().mapToInt(Set::size).reduce(0, CountedCalls::gcd);
        return times < 2 ? Optional.empty() : Optional.of(calls(nodes, seen, times));
    }

    private Map<Integer, Integer> calls(List<Integer> nodes, Map<String, NavigableSet<Integer>> seen, int times) {
        Map<Integer, Integer> calls = new HashMap<>();
        for (int node : nodes) {
            @Nullable Count count = counts.get(node);
            @Nullable NavigableSet<Integer> all = count == null ? null : seen.get(count.scope());
            if (count != null && all != null) {
                int place = all.headSet(count.call()).size();
                calls.put(node, Math.min(place * times / all.size(), times - 1));
            }
        }
        for (int i = nodes.size() - 1; i >= 0; i--) { // what says nothing belongs to what reads it
            int node = nodes.get(i);
            if (!calls.containsKey(node)) {
                graph.nodes.get(node).getOutputList().stream()
                        .flatMap(value -> graph.consumers(value).stream())
                        .map(calls::get)
                        .filter(each -> each != null)
                        .reduce(Math::min)
                        .ifPresent(call -> calls.put(node, call));
            }
        }
        return calls;
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }
}
