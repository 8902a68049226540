package dev.sonde.kind;

/** What each head adds to the stream, without the bias: {@code [batch, position, head, d_model]}. */
public interface HeadResults extends Any {}
