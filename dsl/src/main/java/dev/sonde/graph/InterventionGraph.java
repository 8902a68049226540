package dev.sonde.graph;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A whole experiment as data: runs of the model, values, effects on the runs, and the values to keep.
 *
 * @param model sha256 of the manifest's file that it was recorded against
 * @param runs what each forward pass is given
 * @param nodes values; a value's inputs come before it
 * @param effects in recording order
 * @param saves ids of values to keep, by name
 */
public record InterventionGraph(
        String model, List<RunInput> runs, List<Node> nodes, List<Effect> effects, Map<String, Integer> saves) {
    /** What the names of values begin with that are to be printed and not kept. */
    public static final String LOG = "log:";

    /** Copies its parts. */
    public InterventionGraph {
        runs = List.copyOf(runs);
        nodes = List.copyOf(nodes);
        effects = List.copyOf(effects);
        saves = Collections.unmodifiableMap(new LinkedHashMap<>(saves));
    }

    /** Returns a hash in hex of everything that decides on results: equal for equal experiments, on every machine. */
    public String sha256() {
        return GraphHash.of(this);
    }

    /** Returns the graph in its readable notation. */
    @Override
    public String toString() {
        return GraphPrinter.print(this);
    }

    /** Returns the graph as a drawing, an SVG document: each value to the right of what it is computed from. */
    public String toSvg() {
        return GraphDrawing.svg(this);
    }
}
