package dev.sonde.kind;

/** A parameter of the model, such as a matrix of weights: the same for all runs, rows and positions. */
public interface Parameter extends Any {}
