package dev.sonde.kind;

/** Attention scores before the softmax, {@code [batch, head, query, key]}. */
public interface Scores extends Any {}
