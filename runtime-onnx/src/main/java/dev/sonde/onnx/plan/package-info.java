/**
 * Turns an intervention graph into programs: what to splice into the model for each run, what to feed it, and what passes from
 * one to another. Knows no session.
 */
@NullMarked
package dev.sonde.onnx.plan;

import org.jspecify.annotations.NullMarked;
