package dev.sonde.spi;

import dev.sonde.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What came back.
 *
 * @param saved tensors by the names under which they were saved
 * @param provenance what made them: hashes of model and graph, versions, precision, optimisation level
 */
public record Results(Map<String, Tensor> saved, Map<String, String> provenance) {
    /** Copies the tensors' map, but not the other, which may be made only when somebody reads it. */
    public Results {
        saved = Collections.unmodifiableMap(new LinkedHashMap<>(saved));
        provenance = Collections.unmodifiableMap(provenance);
    }
}
