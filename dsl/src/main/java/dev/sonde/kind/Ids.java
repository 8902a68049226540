package dev.sonde.kind;

/** Token ids or other whole numbers, {@code [batch, position]}. */
public interface Ids extends Any {}
