package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Backend;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Refuses values that need themselves through a write. Most experiments cannot have any: only a write whose value is read
 * elsewhere in its own run, or in a run that was recorded later, is looked at again when the recording ends.
 */
final class Cycles {
    private final ModelManifest manifest;
    private final List<Node> nodes;
    private final Map<Effect, String> suspects = new LinkedHashMap<>();
    private boolean within;
    private boolean between;

    Cycles(ModelManifest manifest, List<Node> nodes) {
        this.manifest = manifest;
        this.nodes = nodes;
    }

    /** Looks at a write when it is recorded. */
    void written(Effect.Write write) {
        String point = manifest.site(write.site()).point();
        boolean own = false;
        boolean later = false;
        for (Node node : cone(write.value())) {
            if (node instanceof Node.Read read) {
                later |= read.run() > write.run();
                own |= read.run() == write.run()
                        && !manifest.site(read.site()).point().equals(point);
            }
        }
        within |= own;
        between |= later;
        if (own || later) {
            suspects.put(write, UserLine.here().toString());
        }
    }

    private List<Node> cone(int id) {
        List<Node> cone = new ArrayList<>();
        BitSet seen = new BitSet();
        Deque<Integer> open = new ArrayDeque<>(List.of(id));
        seen.set(id);
        while (!open.isEmpty()) {
            Node node = nodes.get(open.pop());
            cone.add(node);
            for (int input : node.inputs()) {
                if (!seen.get(input)) {
                    seen.set(input);
                    open.push(input);
                }
            }
        }
        return cone;
    }

    /**
     * Looks at the whole recording.
     *
     * @throws SondeException {@code cyclic-values} with the path of a cycle and the lines that may have made it
     */
    void check(InterventionGraph graph, Backend backend) {
        if (between) {
            checkRuns(graph);
        }
        if (within) {
            try {
                backend.check(graph);
            } catch (SondeException e) {
                throw e.code().equals("cyclic-values") ? cyclic(e.problem()) : e;
            }
        }
    }

    private SondeException cyclic(String problem) {
        String lines = new TreeSet<>(suspects.values()).stream().limit(5).reduce("", (a, b) -> a + "\n    at " + b);
        return new SondeException("cyclic-values", problem + lines);
    }

    private void checkRuns(InterventionGraph graph) {
        Map<Integer, SortedSet<Integer>> needs = new TreeMap<>();
        for (Effect effect : graph.effects()) {
            for (int value : effect.inputs()) {
                cone(value).stream()
                        .filter(Node.Read.class::isInstance)
                        .map(node -> ((Node.Read) node).run())
                        .filter(run -> run != effect.run())
                        .forEach(run -> needs.computeIfAbsent(effect.run(), unused -> new TreeSet<>())
                                .add(run));
            }
        }
        BitSet done = new BitSet();
        for (int run : needs.keySet()) {
            follow(run, needs, new ArrayList<>(), done);
        }
    }

    private void follow(int run, Map<Integer, SortedSet<Integer>> needs, List<Integer> path, BitSet done) {
        int start = path.indexOf(run);
        if (start >= 0) {
            StringBuilder text = new StringBuilder("run " + run);
            path.subList(start + 1, path.size())
                    .forEach(each -> text.append(" needs run ").append(each).append(", which"));
            throw cyclic("Runs need values of each other: expected runs that can be put in an order, but "
                    + text.append(" needs run ").append(run));
        }
        if (!done.get(run)) {
            path.add(run);
            needs.getOrDefault(run, Collections.emptySortedSet()).forEach(next -> follow(next, needs, path, done));
            path.remove(path.size() - 1);
            done.set(run);
        }
    }
}
