package dev.sonde;

import java.util.List;

/**
 * A place at which a run's values are not finite.
 *
 * @param site name of the place; {@code value:NAME} where it has no other one
 * @param index of the first such element
 * @param value NaN or an infinity
 */
public record NonFinite(String site, List<Long> index, double value) {
    /** Copies its list. */
    public NonFinite {
        index = List.copyOf(index);
    }

    @Override
    public String toString() {
        return value + " at " + site + index;
    }
}
