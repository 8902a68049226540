package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import dev.sonde.onnx.file.Uses;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The nodes that a splice needs, sorted, and what they read that no node makes.
 *
 * @param nodes the model's and the new ones, each after those that it reads
 * @param sources inputs and constants that are read, of the model and new ones
 * @param unfused the fused operators that are written out in it, for people
 */
public record Assembly(List<NodeProto> nodes, Set<String> sources, List<String> unfused) {
    /** Copies its parts. */
    public Assembly {
        nodes = List.copyOf(nodes);
        sources = Set.copyOf(sources);
        unfused = List.copyOf(unfused);
    }

    /**
     * Picks and sorts the nodes.
     *
     * @throws Circle if a value depends on itself
     * @throws SondeException {@code after-stop} if what lies behind a stop is needed
     */
    public static Assembly of(ModelGraph graph, Splice splice) {
        return new Search(graph, splice).assemble();
    }

    /** A depth-first search from the outputs. */
    private static final class Search {
        private final ModelGraph graph;
        private final Splice splice;
        private final Fusions fusions;
        private final int size;
        private final int all;
        private final Map<String, Integer> added = new HashMap<>();
        private final Map<Integer, Boolean> done = new HashMap<>();
        private final Set<String> sources = new LinkedHashSet<>();
        private final List<NodeProto> sorted = new ArrayList<>();
        private final Deque<Integer> open = new ArrayDeque<>();

        Search(ModelGraph graph, Splice splice) {
            this.graph = graph;
            this.splice = splice;
            this.fusions = new Fusions(graph, splice);
            this.size = splice.onModel() ? graph.size() : 0;
            this.all = size + splice.nodes().size();
            for (int i = 0; i < splice.nodes().size(); i++) {
                for (String output : splice.nodes().get(i).getOutputList()) {
                    added.put(output, size + i);
                }
            }
        }

        Assembly assemble() {
            splice.outputs().forEach(this::visit);
            return new Assembly(sorted, sources, fusions.unfused(done.keySet()));
        }

        private void visit(String value) {
            push(value);
            while (!open.isEmpty()) {
                int node = open.peek();
                if (Boolean.TRUE.equals(done.get(node))) {
                    open.pop();
                } else if (done.containsKey(node)) {
                    open.pop();
                    done.put(node, true);
                    sorted.add(node(node));
                } else {
                    done.put(node, false);
                    check(node);
                    uses(node).forEach(this::push);
                }
            }
        }

        private void push(String value) {
            int maker = maker(value);
            if (maker < 0) {
                sources.add(value);
            } else if (!done.containsKey(maker)) {
                open.push(maker);
            } else if (!done.get(maker)) {
                throw new Circle(circle(maker));
            }
        }

        /** Nodes of the model come first, then the new ones, then the fused operators that stay as they are. */
        private int maker(String value) {
            int fused = fusions.maker(value);
            if (fused >= 0) {
                return all + fused;
            }
            return added.getOrDefault(value, splice.onModel() ? graph.producer(value) : -1);
        }

        /** Returns what the nodes make that are needed between a node and itself, the one that was begun first in front. */
        private List<String> circle(int maker) {
            List<String> values = new ArrayList<>();
            for (int node : open) {
                if (Boolean.FALSE.equals(done.get(node))) {
                    values.addAll(0, node(node).getOutputList());
                }
                if (node == maker) {
                    break;
                }
            }
            return values;
        }

        private void check(int node) {
            if (splice.forbidden().contains(node)) {
                throw new SondeException(
                        "after-stop",
                        "A value is needed that lies after stop(): expected reads before it, but node '"
                                + node(node).getName() + "' would have to run");
            }
        }

        private Set<String> uses(int node) {
            if (node >= all) {
                return Uses.of(fusions.node(node - all));
            }
            if (node >= size) {
                return Uses.of(splice.nodes().get(node - size));
            }
            Set<String> uses = new HashSet<>();
            graph.uses(node).forEach(value -> uses.add(redirect(node, value)));
            return uses;
        }

        private NodeProto node(int node) {
            if (node >= all) {
                return fusions.node(node - all);
            }
            if (node >= size) {
                return splice.nodes().get(node - size);
            }
            NodeProto original = graph.node(node);
            boolean edited = graph.uses(node).stream()
                    .anyMatch(value -> !redirect(node, value).equals(value));
            return edited ? Renaming.inputs(original, value -> redirect(node, value)) : original;
        }

        private String redirect(int node, String value) {
            return splice.redirects().getOrDefault(new Splice.Use(node, value), value);
        }
    }
}
