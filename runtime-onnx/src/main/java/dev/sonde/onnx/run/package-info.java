/** Runs planned programs: builds their models, keeps sessions, moves tensors. */
@NullMarked
package dev.sonde.onnx.run;

import org.jspecify.annotations.NullMarked;
