package dev.sonde.cli.conformance;

/**
 * How far a tensor may be from the expected one.
 *
 * @param abs absolute part
 * @param rel part that is relative to the largest expected magnitude
 */
public record Tolerance(double abs, double rel) {
    /** Returns the largest error that is allowed where {@code largest} is the largest expected magnitude. */
    double allowed(double largest) {
        return abs + rel * largest;
    }
}
