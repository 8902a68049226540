package dev.sonde.kind;

/** A vector per head: q, k, v ({@code [batch, head, position, d_head]}) and z ({@code [batch, position, head, d_head]}). */
public interface Heads extends Any {}
