package dev.sonde;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a saved value becomes when the experiment runs.
 *
 * @param <T> always {@link Tensor} today
 */
public final class Saved<T> {
    private final int node;
    private final String name;
    private volatile @Nullable T value;
    private volatile Map<String, String> provenance = Map.of();

    Saved(int node, String name) {
        this.node = node;
        this.name = name;
    }

    /** Returns the name under which results hold it. */
    public String name() {
        return name;
    }

    int node() {
        return node;
    }

    void fill(T filled, Map<String, String> madeBy) {
        provenance = madeBy;
        value = filled;
    }

    /**
     * Returns what made the result: hashes of model and graph, versions, precision, optimisation level, planning, and which fused
     * operators were written out.
     *
     * @throws IllegalStateException before the run
     */
    public Map<String, String> provenance() {
        value();
        return provenance;
    }

    /**
     * Returns the result.
     *
     * @throws IllegalStateException before the run
     */
    public T value() {
        T filled = value;
        if (filled == null) {
            throw new IllegalStateException(
                    "'" + name + "' has no value yet: it is recorded, and filled when the trace or"
                            + " session that saved it has run. Read it after trace(...) or session(...) returns.");
        }
        return filled;
    }
}
