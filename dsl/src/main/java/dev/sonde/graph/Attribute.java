package dev.sonde.graph;

import java.util.List;

/** An attribute of an ONNX operator. */
public sealed interface Attribute {
    /**
     * A whole number.
     *
     * @param value the number
     */
    record Whole(long value) implements Attribute {}

    /**
     * A number, float32 in ONNX.
     *
     * @param value the number
     */
    record Real(double value) implements Attribute {}

    /**
     * A text.
     *
     * @param value the text
     */
    record Text(String value) implements Attribute {}

    /**
     * Whole numbers.
     *
     * @param values the numbers
     */
    record Wholes(List<Long> values) implements Attribute {
        /** Copies its list. */
        public Wholes {
            values = List.copyOf(values);
        }
    }

    /**
     * Numbers, float32 in ONNX.
     *
     * @param values the numbers
     */
    record Reals(List<Double> values) implements Attribute {
        /** Copies its list. */
        public Reals {
            values = List.copyOf(values);
        }
    }

    /**
     * Returns the attribute that a Java value means: an {@code Integer}, {@code Long}, {@code Double}, {@code Float},
     * {@code Boolean}, {@code String}, or a list of whole or other numbers.
     *
     * @throws IllegalArgumentException if it means none
     */
    static Attribute of(Object value) {
        if (value instanceof Boolean flag) {
            return new Whole(flag ? 1 : 0);
        }
        if (value instanceof Number number) {
            return isWhole(number) ? new Whole(number.longValue()) : new Real(number.doubleValue());
        }
        if (value instanceof String text) {
            return new Text(text);
        }
        if (value instanceof List<?> list && list.stream().allMatch(Number.class::isInstance)) {
            List<Number> numbers = list.stream().map(Number.class::cast).toList();
            return numbers.stream().allMatch(Attribute::isWhole)
                    ? new Wholes(numbers.stream().map(Number::longValue).toList())
                    : new Reals(numbers.stream().map(Number::doubleValue).toList());
        }
        throw new IllegalArgumentException("expected a number, a text or a list of numbers but was " + value);
    }

    private static boolean isWhole(Number number) {
        return number instanceof Integer || number instanceof Long;
    }
}
