package dev.sonde.cli.conformance;

import dev.sonde.Selector;
import dev.sonde.Value;
import dev.sonde.kind.Any;

/** The rows of a batch that a block of steps sees: all of them, or its own one as a batch of size 1. */
final class Rows {
    /** Every row. */
    static final Rows ALL = new Rows(-1);

    private final int row;

    private Rows(int row) {
        this.row = row;
    }

    /** Returns row {@code row} alone. */
    static Rows only(int row) {
        return new Rows(row);
    }

    boolean isAll() {
        return row < 0;
    }

    /** Returns what the block sees of a value. */
    Value<Any> of(Value<Any> whole) {
        return isAll() ? whole : whole.at(own());
    }

    /** Returns {@code whole} with what the block sees replaced. */
    Value<Any> put(Value<Any> whole, Value<Any> part) {
        return isAll() ? part : whole.with(own(), part);
    }

    private Selector own() {
        return Selector.range("0", row, row + 1L);
    }
}
