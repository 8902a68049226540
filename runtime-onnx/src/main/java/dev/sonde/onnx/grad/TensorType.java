package dev.sonde.onnx.grad;

import dev.sonde.DType;
import java.util.List;

/**
 * What is known of a value before it is computed.
 *
 * @param dtype type of its elements
 * @param dims sizes of its axes, -1 where a size is not known
 */
public record TensorType(DType dtype, List<Long> dims) {
    /** The size of an axis of which nothing is known. */
    public static final long UNKNOWN = -1;

    /** Copies its list. */
    public TensorType {
        dims = List.copyOf(dims);
    }

    int rank() {
        return dims.size();
    }

    boolean isKnown() {
        return !dims.contains(UNKNOWN);
    }

    TensorType with(List<Long> other) {
        return new TensorType(dtype, other);
    }

    TensorType with(DType other) {
        return new TensorType(other, dims);
    }
}
