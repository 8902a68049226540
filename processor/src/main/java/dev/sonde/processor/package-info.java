/** The annotation processor: typed handles from a manifest, a builder and a runner from an annotated experiment. */
@NullMarked
package dev.sonde.processor;

import org.jspecify.annotations.NullMarked;
