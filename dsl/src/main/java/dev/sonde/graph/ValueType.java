package dev.sonde.graph;

import dev.sonde.DType;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Type and axes of a value, known while recording.
 *
 * @param dtype type of the elements
 * @param dims axes in order
 * @param lengths positions of each row when rows differ in length (the value is then padded on the right to the longest),
 *     else empty
 */
public record ValueType(DType dtype, List<Dim> dims, List<Long> lengths) {
    /** Copies its lists. */
    public ValueType {
        dims = List.copyOf(dims);
        lengths = List.copyOf(lengths);
    }

    /** Returns a type whose rows are equally long. */
    public static ValueType of(DType dtype, List<Dim> dims) {
        return new ValueType(dtype, dims, List.of());
    }

    /** Returns the number of axes. */
    public int rank() {
        return dims.size();
    }

    /** Returns the sizes, {@link Dim#UNKNOWN} among them where nothing is known. */
    public long[] shape() {
        return dims.stream().mapToLong(Dim::size).toArray();
    }

    /** Returns the size in bytes; axes of unknown size count once. */
    public long bytes() {
        long bytes = dtype.bytes();
        for (Dim dim : dims) {
            bytes *= Math.max(1, dim.size());
        }
        return bytes;
    }

    /** Returns the names, {@code ""} for unnamed axes. */
    public List<String> names() {
        return dims.stream().map(Dim::name).toList();
    }

    /** Returns the index of the axis called {@code name}, or -1. */
    public int axis(String name) {
        return names().indexOf(name);
    }

    /** Returns whether rows differ in length and a position axis is there to show it. */
    public boolean isRagged() {
        return !lengths.isEmpty() && dims.stream().anyMatch(Dim::isOfPositions);
    }

    /** Returns this type with other axes. */
    public ValueType withDims(List<Dim> newDims) {
        return new ValueType(dtype, newDims, lengths);
    }

    /** Returns this type with another element type. */
    public ValueType withDType(DType newDType) {
        return new ValueType(newDType, dims, lengths);
    }

    @Override
    public String toString() {
        return dtype
                + dims.stream().map(Dim::toString).collect(Collectors.joining(", ", "[", "]"))
                + (isRagged() ? " of rows " + lengths : "");
    }
}
