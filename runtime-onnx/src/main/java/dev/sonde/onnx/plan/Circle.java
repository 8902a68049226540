package dev.sonde.onnx.plan;

import java.util.List;

/** Thrown where values need each other in a circle. */
final class Circle extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient List<String> values;

    /** {@code values} are their names in the file or the splice, each needing the next and the last the first. */
    Circle(List<String> values) {
        super("values need each other: " + values);
        this.values = List.copyOf(values);
    }

    List<String> values() {
        return values;
    }
}
