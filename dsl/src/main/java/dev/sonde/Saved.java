package dev.sonde;

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

    void fill(T filled) {
        value = filled;
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
