package dev.sonde.kind;

/** A value of any kind; what a site found by a dynamic name carries. */
public interface Any {}
