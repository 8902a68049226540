package dev.sonde.data;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.manifest.NearestNames;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one row gave.
 *
 * @param index the row's number, counted from 0
 * @param values what was saved, by name
 */
public record RowResult(long index, Map<String, Tensor> values) {
    /** Copies its map. */
    public RowResult {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /**
     * Returns what was saved under a name.
     *
     * @throws SondeException {@code unknown-result} with the nearest names if there is none
     */
    public Tensor get(String name) {
        @Nullable Tensor value = values.get(name);
        if (value == null) {
            throw unknown(name, values);
        }
        return value;
    }

    static SondeException unknown(String name, Map<String, ?> known) {
        return new SondeException(
                "unknown-result",
                "Nothing is saved as '" + name + "': there are " + known.keySet() + "."
                        + NearestNames.didYouMean(name, known.keySet()));
    }
}
