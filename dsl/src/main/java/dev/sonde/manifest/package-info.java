/**
 * What a model offers, without its weights: its inputs, module tree and sites with named axes. Written by an engine, read
 * by the recorder, the annotation processor and a service's clients; a JSON file between them.
 */
@NullMarked
package dev.sonde.manifest;

import org.jspecify.annotations.NullMarked;
