package dev.sonde.onnx.structure;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The shapes of all values that are tensors of a known type: inputs, and what nodes compute. */
final class Shapes {
    private final Map<String, Shape> byValue;

    Shapes(Map<String, Shape> byValue) {
        this.byValue = byValue;
    }

    @Nullable
    Shape get(String value) {
        return byValue.get(value);
    }

    Optional<Shape> find(String value) {
        return Optional.ofNullable(byValue.get(value));
    }

    Set<String> values() {
        return byValue.keySet();
    }

    /** Returns whether the value is a tensor of floats with more than one element. */
    boolean isTensor(String value) {
        Shape shape = byValue.get(value);
        return shape != null && shape.isFloat() && !shape.isScalar();
    }

    boolean isFloat(String value) {
        Shape shape = byValue.get(value);
        return shape != null && shape.isFloat();
    }

    int rank(String value) {
        Shape shape = byValue.get(value);
        return shape == null ? -1 : shape.rank();
    }
}
