package dev.sonde.spi;

/**
 * What running a graph will take, estimated before it runs.
 *
 * @param rows forward passes, counted in rows
 * @param tokens rows times positions
 * @param resultBytes size of what is saved
 */
public record Cost(long rows, long tokens, long resultBytes) {}
