/** Annotated experiments on real models, each with a picture. */
@NullMarked
package dev.sonde.samples;

import org.jspecify.annotations.NullMarked;
