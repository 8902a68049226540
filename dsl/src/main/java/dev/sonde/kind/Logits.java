package dev.sonde.kind;

/** Scores over the vocabulary, {@code [batch, position, vocab]}. */
public interface Logits extends Any {}
