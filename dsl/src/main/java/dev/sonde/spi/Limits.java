package dev.sonde.spi;

/**
 * How much a graph may ask for.
 *
 * @param nodes values in a graph
 * @param runs forward passes
 * @param tokens rows times positions over all runs
 * @param resultBytes bytes of all saved values
 * @param anyOperator whether operators that Sonde knows only by name, and functions in Java, may be used
 */
public record Limits(long nodes, long runs, long tokens, long resultBytes, boolean anyOperator) {
    /** No limits; for one's own machine. */
    public static final Limits NONE = new Limits(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, true);

    /** What strangers are given. */
    public static final Limits SHARED = new Limits(200_000, 20_000, 4_000_000, 1L << 30, false);
}
