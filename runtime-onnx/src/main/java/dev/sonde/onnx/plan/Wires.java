package dev.sonde.onnx.plan;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The values of the model under the edits of a program's runs: for each wire the edited versions, and who reads which.
 *
 * <p>Along a wire come first the value as it is produced, then the outputs of the modules around its producer, the innermost
 * first, then for each reader the inputs of the modules that it is in, the outermost first.
 */
final class Wires {
    /** Emits the node that makes {@code to} of {@code before}. */
    interface Writer {
        void write(Rewrite rewrite, String before, String to);
    }

    private final ModelGraph graph;
    private final Wiring wiring;
    private final Emitter emitter;
    private final Map<String, List<Rewrite>> edits;
    private final Map<List<Rewrite>, String> versions = new LinkedHashMap<>();
    private final List<Runnable> pending = new ArrayList<>();
    private final Map<Point, BitSet> inside = new HashMap<>();
    private final Writer writer;

    Wires(ModelGraph graph, Wiring wiring, Emitter emitter, List<Edit> edits, Writer writer) {
        this.graph = graph;
        this.wiring = wiring;
        this.emitter = emitter;
        this.writer = writer;
        this.edits = Rewrite.of(edits);
    }

    /** Returns the name of the value at a place of which a run sees its first {@code version} writes at the place's point. */
    String read(int run, Place place, int version) {
        List<Rewrite> all = edits.getOrDefault(place.value(), List.of());
        // the writes of other runs are in other rows: all that matters is that every reader takes the same ones
        long own = all.stream()
                .filter(edit -> edit.place().point().equals(place.point()))
                .flatMap(edit -> edit.of(run).stream())
                .filter(edit -> edit.version() < version)
                .count();
        List<Rewrite> seen = new ArrayList<>();
        for (Rewrite edit : all) {
            Point point = edit.place().point();
            boolean here = point.equals(place.point());
            if (here ? edit.ordinal() < own : isBefore(point, place) && reaches(edit, place)) {
                seen.add(edit);
            }
        }
        return version(place.value(), seen);
    }

    private static boolean isBefore(Point point, Place place) {
        int stages = Integer.compare(point.stage(), place.point().stage());
        return stages < 0 || (stages == 0 && point.rank() < place.point().rank());
    }

    /** Returns whether a module's input sees an edit; outputs see all edits before them. */
    private boolean reaches(Rewrite edit, Place place) {
        if (!(place.point() instanceof Point.Input)) {
            return true;
        }
        BitSet module = inside(place.point());
        return graph.consumers(place.value()).stream()
                .filter(module::get)
                .findFirst()
                .map(consumer -> sees(consumer, edit.place().point()))
                .orElse(!(edit.place().point() instanceof Point.Input));
    }

    /** Returns whether anything is written anywhere on a value's wire. */
    boolean isEdited(String value) {
        return edits.containsKey(value);
    }

    /** Returns what a node of the model reads where the file says {@code value}. */
    String seenBy(int node, String value) {
        return version(
                value,
                edits.getOrDefault(value, List.of()).stream()
                        .filter(edit -> sees(node, edit.place().point()))
                        .toList());
    }

    /** Returns what every node of the model reads instead of an edited value. */
    Map<Splice.Use, String> redirects() {
        Map<Splice.Use, String> redirects = new LinkedHashMap<>();
        edits.forEach((value, all) -> {
            for (int consumer : graph.consumers(value)) {
                List<Rewrite> seen = all.stream()
                        .filter(edit -> sees(consumer, edit.place().point()))
                        .toList();
                if (!seen.isEmpty()) {
                    redirects.put(new Splice.Use(consumer, value), version(value, seen));
                }
            }
        });
        return redirects;
    }

    /** Returns the nodes that read the value behind a place. */
    List<Integer> after(Place place) {
        return graph.consumers(place.value()).stream()
                .filter(consumer -> sees(consumer, place.point()))
                .toList();
    }

    private boolean sees(int node, Point point) {
        if (point instanceof Point.Produced) {
            return true;
        }
        return inside(point).get(node) == (point instanceof Point.Input);
    }

    private BitSet inside(Point point) {
        return inside.computeIfAbsent(point, unused -> graph.indices(nodes(point)));
    }

    private java.util.Set<String> nodes(Point point) {
        if (point instanceof Point.Output output) {
            return wiring.nodes(output.module(), output.call());
        }
        Point.Input input = (Point.Input) point;
        return wiring.nodes(input.module(), input.call());
    }

    private String version(String value, List<Rewrite> seen) {
        if (seen.isEmpty()) {
            return value;
        }
        String known = versions.get(seen);
        if (known != null) {
            return known;
        }
        String name = emitter.fresh();
        versions.put(List.copyOf(seen), name);
        Rewrite last = seen.get(seen.size() - 1);
        String before = version(value, seen.subList(0, seen.size() - 1));
        // later: the written value may need a version that is being made
        pending.add(() -> writer.write(last, before, name));
        return name;
    }

    /** Emits the writes of all versions that were asked for, and of those that these ask for. */
    void flush() {
        while (!pending.isEmpty()) {
            List<Runnable> now = List.copyOf(pending);
            pending.clear();
            now.forEach(Runnable::run);
        }
    }
}
