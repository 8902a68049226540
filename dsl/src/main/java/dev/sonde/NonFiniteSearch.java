package dev.sonde;

import dev.sonde.graph.Dim;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Finds the first value of a run that is not finite. All points of the model are summed up in one pass, times zero: only what
 * is not finite leaves anything. Those points are then looked at, a few at a time, in the order in which they are computed.
 */
final class NonFiniteSearch {
    private static final int AT_ONCE = 8;

    private final Model model;
    private final RunInput input;
    private final Consumer<Trace> edits;

    NonFiniteSearch(Model model, RunInput input, Consumer<Trace> edits) {
        this.model = model;
        this.input = input;
        this.edits = edits;
    }

    Optional<NonFinite> first() {
        List<List<SiteInfo>> suspects = suspects(points());
        for (int from = 0; from < suspects.size(); from += AT_ONCE) {
            List<SiteInfo> sites = suspects.subList(from, Math.min(suspects.size(), from + AT_ONCE)).stream()
                    .flatMap(List::stream)
                    .toList();
            List<Saved<Tensor>> read = model.trace(input, t -> {
                edits.accept(t);
                return sites.stream().map(site -> t.get(site.name()).save()).toList();
            });
            for (int i = 0; i < sites.size(); i++) {
                Optional<NonFinite> found = in(sites.get(i), read.get(i).value());
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }

    /** Returns the sites of each point that can be read, points in the order in which they are computed. */
    private List<List<SiteInfo>> points() {
        ModelManifest manifest = model.manifest();
        Map<String, Long> sizes = new ShapeRules(manifest).sizes(input);
        Map<String, List<SiteInfo>> points = new LinkedHashMap<>();
        Map<String, Integer> order = new LinkedHashMap<>();
        for (SiteInfo site : manifest.sites()) {
            boolean known = site.axes().stream().map(AxisInfo::size).allMatch(size -> isKnown(size, sizes));
            if (site.dtype().isFloat() && !site.isParameter() && known && !site.isMade()) {
                points.computeIfAbsent(site.point(), point -> new ArrayList<>()).add(site);
            }
            if (site.name().startsWith("value:")) {
                order.putIfAbsent(site.name().substring("value:".length()), order.size());
            }
        }
        Comparator<Map.Entry<String, List<SiteInfo>>> computed =
                Comparator.comparingInt(each -> order.getOrDefault(value(each.getKey()), order.size()));
        return points.entrySet().stream()
                .sorted(computed.thenComparingInt(each -> place(each.getKey())))
                .map(Map.Entry::getValue)
                .toList();
    }

    private static boolean isKnown(Size size, Map<String, Long> sizes) {
        return size.in(sizes).isPresent();
    }

    /** Returns the name of the value whose wire a point is on. */
    private static String value(String point) {
        int end = point.startsWith("value:") ? point.indexOf(':') : point.indexOf("):") + 1;
        return point.substring(end + 1);
    }

    /** Returns where on its wire a point is: outputs from the inside out, then inputs from the outside in. */
    private static int place(String point) {
        int path = point.indexOf("):");
        return point.startsWith("output:") ? 100_000 - path : point.startsWith("input:") ? 100_000 + path : 0;
    }

    private List<List<SiteInfo>> suspects(List<List<SiteInfo>> points) {
        List<Saved<Tensor>> sums = model.trace(input, t -> {
            edits.accept(t);
            return points.stream()
                    .map(point -> remains(t.get(widest(point).name())).save())
                    .toList();
        });
        List<List<SiteInfo>> suspects = new ArrayList<>();
        for (int i = 0; i < points.size(); i++) {
            if (Arrays.stream(sums.get(i).value().toDoubles()).anyMatch(sum -> sum != 0)) {
                suspects.add(points.get(i));
            }
        }
        return suspects;
    }

    /** A point's last site is the raw value, or the module's own, where others show parts of it. */
    private static SiteInfo widest(List<SiteInfo> point) {
        return point.get(point.size() - 1);
    }

    /** Returns zeros where all is finite; positions of rows that differ in length are kept apart. */
    private static Value<?> remains(Value<?> value) {
        ValueType type = value.type();
        Value<?> zeros = value.times(0);
        for (int axis = type.rank() - 1; axis >= 0; axis--) {
            Dim dim = type.dims().get(axis);
            if (!type.isRagged() || (axis > 0 && !dim.isOfPositions())) {
                zeros = zeros.sum(Integer.toString(axis));
            }
        }
        return zeros;
    }

    /** Negative infinity is what masks are made of: it counts where a value has a name and no axis of keys. */
    private static Optional<NonFinite> in(SiteInfo site, Tensor tensor) {
        boolean mask = site.name().startsWith("value:")
                || site.axes().stream().anyMatch(axis -> axis.name().equals("key"));
        double[] values = tensor.toDoubles();
        for (int i = 0; i < values.length; i++) {
            boolean counts = !Double.isFinite(values[i]) && !(mask && values[i] == Double.NEGATIVE_INFINITY);
            if (counts) {
                return Optional.of(new NonFinite(site.name(), index(i, tensor.shape()), values[i]));
            }
        }
        return Optional.empty();
    }

    private static List<Long> index(long flat, long[] shape) {
        Long[] index = new Long[shape.length];
        long rest = flat;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        return List.of(index);
    }
}
