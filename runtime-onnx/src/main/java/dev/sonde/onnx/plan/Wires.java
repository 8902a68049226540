package dev.sonde.onnx.plan;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The values of the model under one run's edits: for each wire the edited versions, and who reads which.
 *
 * <p>Along a wire come first the value as it is produced, then the outputs of the modules around its producer, the innermost
 * first, then for each reader the inputs of the modules that it is in, the outermost first.
 */
final class Wires {
    /** Emits the node that makes {@code to} of {@code before}. */
    interface Writer {
        void write(Edit edit, String before, String to);
    }

    private static final Comparator<Edit> ORDER = Comparator.comparingInt(
                    (Edit edit) -> stage(edit.place().point()))
            .thenComparingInt(edit -> rank(edit.place().point()))
            .thenComparingInt(Edit::version);

    private final ModelGraph graph;
    private final Wiring wiring;
    private final Emitter emitter;
    private final Map<String, List<Edit>> edits = new LinkedHashMap<>();
    private final Map<List<Edit>, String> versions = new LinkedHashMap<>();
    private final List<Runnable> pending = new ArrayList<>();
    private final Map<Point, BitSet> inside = new HashMap<>();
    private final Writer writer;

    Wires(ModelGraph graph, Wiring wiring, Emitter emitter, List<Edit> edits, Writer writer) {
        this.graph = graph;
        this.wiring = wiring;
        this.emitter = emitter;
        this.writer = writer;
        for (Edit edit : edits) {
            this.edits
                    .computeIfAbsent(edit.place().value(), unused -> new ArrayList<>())
                    .add(edit);
        }
        this.edits.values().forEach(list -> list.sort(ORDER));
    }

    /** Returns the name of the value at a place, after that many writes at its point. */
    String read(Place place, int version) {
        List<Edit> seen = new ArrayList<>();
        for (Edit edit : edits.getOrDefault(place.value(), List.of())) {
            Point point = edit.place().point();
            boolean here = point.equals(place.point());
            if (here ? edit.version() < version : isBefore(point, place) && reaches(edit, place)) {
                seen.add(edit);
            }
        }
        return version(place.value(), seen);
    }

    private static boolean isBefore(Point point, Place place) {
        int stages = Integer.compare(stage(point), stage(place.point()));
        return stages < 0 || (stages == 0 && rank(point) < rank(place.point()));
    }

    /** Returns whether a module's input sees an edit; outputs see all edits before them. */
    private boolean reaches(Edit edit, Place place) {
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
                List<Edit> seen = all.stream()
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

    private String version(String value, List<Edit> seen) {
        if (seen.isEmpty()) {
            return value;
        }
        String known = versions.get(seen);
        if (known != null) {
            return known;
        }
        String name = emitter.fresh();
        versions.put(List.copyOf(seen), name);
        Edit last = seen.get(seen.size() - 1);
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

    private static int stage(Point point) {
        return point instanceof Point.Produced ? 0 : point instanceof Point.Output ? 1 : 2;
    }

    private static int rank(Point point) {
        if (point instanceof Point.Output output) {
            return -depth(output.module());
        }
        return point instanceof Point.Input input ? depth(input.module()) : 0;
    }

    private static int depth(String module) {
        return module.isEmpty()
                ? 0
                : 1 + (int) module.chars().filter(c -> c == '.').count();
    }
}
