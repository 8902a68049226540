/**
 * What a run can take from another run over the same tokens: which values follow the edits, which positions can change, and how
 * what must be computed is laid out. Knows nothing of experiments and writes no graphs.
 */
@NullMarked
package dev.sonde.onnx.reuse;

import org.jspecify.annotations.NullMarked;
