/**
 * Differentiates programs: the backward pass as standard ONNX operators, made from the very nodes that run forward. It knows
 * nodes and values only, neither sites nor runs; {@code dev.sonde.onnx.plan} says which values are wanted.
 */
@NullMarked
package dev.sonde.onnx.grad;

import org.jspecify.annotations.NullMarked;
