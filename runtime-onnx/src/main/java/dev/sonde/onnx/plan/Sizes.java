package dev.sonde.onnx.plan;

import dev.sonde.Tensor;
import dev.sonde.onnx.reuse.Bins;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The sizes and indices that a layout of runs means, as inputs, so that one session serves all layouts. */
final class Sizes {
    /** All positions of a bin. */
    static final String ALL = "all";
    /** The positions of a bin that are looked at. */
    static final String WANTED = "wanted";
    /** Keys of a bin. */
    static final String KEYS = "keys";
    /** Positions of the base run. */
    static final String BASE = "base";
    /** Positions of the base run before a bin. */
    static final String PREFIX = "prefix";

    private final Emitter emitter;
    private final Map<String, Long> sizes = new HashMap<>();
    private final Map<Object, String> known = new HashMap<>();

    Sizes(Bins bins, Emitter emitter) {
        this.emitter = emitter;
        sizes.put(ALL, (long) bins.slots(true));
        sizes.put(WANTED, (long) bins.slots(false));
        sizes.put(KEYS, (long) bins.keys());
        sizes.put(BASE, (long) bins.positions());
        sizes.put(PREFIX, (long) bins.prefix());
    }

    private long number(String size) {
        int times = size.indexOf('*');
        if (times > 0) {
            return number(size.substring(0, times)) * number(size.substring(times + 1));
        }
        Long named = sizes.get(size);
        return named == null ? Long.parseLong(size) : named;
    }

    /** Returns an input that holds sizes: numbers or names, {@code -1} for what remains. */
    String list(List<String> names) {
        return known.computeIfAbsent(
                names, unused -> emitter.list(names.stream().map(this::number).toList()));
    }

    String reshape(String value, List<String> shape) {
        return emitter.node("Reshape", List.of(value, list(shape)));
    }

    /** Returns the first entries of an axis. */
    String first(String value, int axis, String size) {
        return emitter.node("Slice", List.of(value, emitter.ints(0), list(List.of(size)), emitter.ints(axis)));
    }

    /** Returns an input that holds indices, the same for the same key. */
    String indices(Object key, Supplier<long[]> indices) {
        return known.computeIfAbsent(List.of("indices", key), unused -> {
            long[] numbers = indices.get();
            return emitter.given(Tensor.of(numbers, numbers.length));
        });
    }
}
