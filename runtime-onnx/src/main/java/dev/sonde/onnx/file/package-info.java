/**
 * Opens any ONNX file once and makes it ready for splicing: a normalised graph without weights, and one weights file that any
 * number of sessions share by memory mapping. Uses ONNX Runtime to evaluate constant subgraphs; knows nothing of modules,
 * sites or experiments.
 */
@NullMarked
package dev.sonde.onnx.file;

import org.jspecify.annotations.NullMarked;
