package dev.sonde.kind;

/** The residual stream, {@code [batch, position, d_model]}; also what attention and the MLP add to it. */
public interface Residual extends Any {}
