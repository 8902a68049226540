package dev.sonde.kind;

/** The denominator of a norm, {@code [batch, position, 1]}. */
public interface NormScale extends Any {}
