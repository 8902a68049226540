/**
 * Writes fused operators as the standard operators that they stand for, so that what lies inside them can be read, changed and
 * differentiated. Knows single nodes and what is known of their inputs; not modules, plans or sessions.
 */
@NullMarked
package dev.sonde.onnx.unfuse;

import org.jspecify.annotations.NullMarked;
