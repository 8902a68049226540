/**
 * The language: models, sessions, runs and traces that record an intervention graph, and the tensors that come back.
 *
 * <p>Nothing here knows an engine or a service; both implement {@link dev.sonde.spi.Backend}.
 */
@NullMarked
package dev.sonde;

import org.jspecify.annotations.NullMarked;
