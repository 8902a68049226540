package dev.sonde.data;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far a study has come.
 *
 * @param rows rows that are done, those found in the folder included
 * @param total all rows, where that is known
 * @param rowsPerSecond speed of the rows computed so far
 * @param left estimate of the time left, where total and speed are known
 * @param averages means over the rows that are done; they go on changing
 */
public record Progress(
        long rows, OptionalLong total, double rowsPerSecond, Optional<Duration> left, Averages averages) {
    /** Returns {@code 320 of 1000 rows, 12.5 rows/s, 0:54 left}. */
    @Override
    public String toString() {
        String of = total.isPresent() ? " of " + total.getAsLong() : "";
        String speed = rowsPerSecond > 0 ? String.format(Locale.ROOT, ", %.3g rows/s", rowsPerSecond) : "";
        String time = left.map(
                        each -> String.format(Locale.ROOT, ", %d:%02d left", each.toMinutes(), each.toSecondsPart()))
                .orElse("");
        return rows + of + " rows" + speed + time;
    }
}
