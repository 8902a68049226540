/**
 * Says what an ONNX file is made of: the module tree that the exporter left behind, the shapes of all values as formulas, the
 * attention blocks found by their pattern, and where in the graph every site of the manifest lies.
 */
@NullMarked
package dev.sonde.onnx.structure;

import org.jspecify.annotations.NullMarked;
