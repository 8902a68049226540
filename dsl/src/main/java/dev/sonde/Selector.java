package dev.sonde;

import java.util.List;
import java.util.stream.LongStream;

/** Part of one axis of a value; several together are a region. */
public sealed interface Selector {
    /**
     * Indices along an axis.
     *
     * @param axis the axis' name, or its number as a text
     * @param prompt whether indices are the prompt's own positions
     * @param indices one or more, negative ones counting from the end
     * @param single whether the axis disappears from what is selected
     */
    record Indices(String axis, boolean prompt, List<Long> indices, boolean single) implements Selector {
        /** Copies its list. */
        public Indices {
            indices = List.copyOf(indices);
        }
    }

    /**
     * A stretch of an axis, as in Python.
     *
     * @param axis the axis' name, or its number as a text
     * @param prompt whether bounds are the prompt's own positions
     * @param from first index, negative counting from the end
     * @param to index after the last, negative counting from the end; {@link Long#MAX_VALUE} for the end
     * @param step distance between indices, at least 1
     */
    record Stretch(String axis, boolean prompt, long from, long to, long step) implements Selector {}

    /**
     * What a step of a generation computes: the new tokens, in the prompt pass the prompt's.
     *
     * @param axis the axis' name
     * @param single whether only the last one is selected and the axis disappears
     */
    record Newest(String axis, boolean single) implements Selector {}

    /**
     * Indices along an axis that each row of the batch has for itself.
     *
     * @param axis the axis' name, or its number as a text
     * @param prompt whether indices are the prompt's own positions
     * @param rows one list for each row, all of one length, negative indices counting from the end
     * @param single whether the axis disappears from what is selected
     */
    record OfRows(String axis, boolean prompt, List<List<Long>> rows, boolean single) implements Selector {
        /** Copies its lists. */
        public OfRows {
            rows = rows.stream().map(List::copyOf).toList();
        }
    }

    /** Selects the tokens that a step of a generation computes: in the prompt pass the prompt's, later the new one. */
    static Selector newest() {
        return new Newest("position", false);
    }

    /** Selects the last token that a step of a generation computes: in the prompt pass the prompt's last, later the new one. */
    static Selector last() {
        return new Newest("position", true);
    }

    /** Selects the prompt's token {@code i}: 0 is its first, -1 its last, whatever padding surrounds it. */
    static Selector position(long i) {
        return new Indices("position", true, List.of(i), true);
    }

    /** Selects the prompt's tokens from {@code from} (inclusive) to {@code to} (exclusive). */
    static Selector positions(long from, long to) {
        return new Stretch("position", true, from, to, 1);
    }

    /** Selects one of each prompt's tokens: the first number is the first row's, and so on. */
    static Selector positionOfRows(long... each) {
        return new OfRows("position", true, columns(each), true);
    }

    /** Selects one raw index of an axis for each row of the batch, such as one head each; the axis disappears. */
    static Selector indexOfRows(String axis, long... each) {
        return new OfRows(axis, false, columns(each), true);
    }

    /** Selects raw indices of an axis for each row of the batch, equally many for all. */
    static Selector indicesOfRows(String axis, List<List<Long>> each) {
        return new OfRows(axis, false, each, false);
    }

    private static List<List<Long>> columns(long... each) {
        return LongStream.of(each).mapToObj(List::of).toList();
    }

    /** Selects the row of an attention value that belongs to the prompt's token {@code i}. */
    static Selector query(long i) {
        return new Indices("query", true, List.of(i), true);
    }

    /** Selects the column of an attention value that belongs to the prompt's token {@code i}. */
    static Selector key(long i) {
        return new Indices("key", true, List.of(i), true);
    }

    /** Selects one attention head. */
    static Selector head(long i) {
        return index("head", i);
    }

    /** Selects one row of the batch. */
    static Selector row(long i) {
        return index("batch", i);
    }

    /** Selects one raw index of an axis, which disappears. */
    static Selector index(String axis, long i) {
        return new Indices(axis, false, List.of(i), true);
    }

    /** Selects raw indices of an axis, in that order. */
    static Selector indices(String axis, List<Long> indices) {
        return new Indices(axis, false, indices, false);
    }

    /** Selects raw indices from {@code from} (inclusive) to {@code to} (exclusive). */
    static Selector range(String axis, long from, long to) {
        return new Stretch(axis, false, from, to, 1);
    }

    /** Selects every {@code step}th raw index from {@code from} (inclusive) to {@code to} (exclusive). */
    static Selector range(String axis, long from, long to, long step) {
        return new Stretch(axis, false, from, to, step);
    }
}
