/** Runs experiments on ONNX Runtime: ingest, structure, plan, splice, execute. Knows no HTTP. */
@NullMarked
package dev.sonde.onnx;

import org.jspecify.annotations.NullMarked;
