package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.Optional;

/** What is known of a model's values before it runs. */
public interface Known {
    /** Returns the number of axes, or -1 if it is unknown. */
    int rank(String value);

    /**
     * Returns the size of an axis if it is the same in every run, or -1.
     *
     * @param axis from 0, or from the end if negative
     */
    long size(String value, int axis);

    /** Returns the operator that makes the value, or {@code ""}. */
    String operator(String value);

    /** Returns the element type. */
    Optional<DType> dtype(String value);
}
