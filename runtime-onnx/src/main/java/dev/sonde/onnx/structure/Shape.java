package dev.sonde.onnx.structure;

import dev.sonde.DType;
import dev.sonde.manifest.Size;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Type and sizes of a value, as formulas. */
record Shape(DType dtype, List<Size> dims) {
    private static final Size ONE = Size.of(1);

    Shape {
        dims = List.copyOf(dims);
    }

    int rank() {
        return dims.size();
    }

    /** Returns an axis, counted from the end when negative. */
    Size dim(int axis) {
        return dims.get(axis < 0 ? dims.size() + axis : axis);
    }

    /** Returns the size of an axis that is the same in every run, or -1. */
    long fixed(int axis) {
        Size size = dim(axis);
        OptionalLong number = size.symbols().isEmpty() ? size.in(Map.of()) : OptionalLong.empty();
        return number.orElse(-1);
    }

    /** Returns the bytes of the value at these sizes, 0 if a size is unknown. */
    long bytes(Map<String, Long> sizes) {
        long bytes = dtype.bytes();
        for (Size dim : dims) {
            bytes *= dim.in(sizes).orElse(0);
        }
        return bytes;
    }

    boolean isScalar() {
        return dims.stream().allMatch(ONE::equals);
    }

    boolean isFloat() {
        return dtype.isFloat();
    }
}
