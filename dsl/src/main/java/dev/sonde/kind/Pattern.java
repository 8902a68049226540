package dev.sonde.kind;

/** Attention pattern after the softmax, {@code [batch, head, query, key]}. */
public interface Pattern extends Any {}
