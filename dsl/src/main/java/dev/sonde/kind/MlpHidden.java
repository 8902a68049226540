package dev.sonde.kind;

/** The MLP's hidden layer, {@code [batch, position, d_mlp]}. */
public interface MlpHidden extends Any {}
