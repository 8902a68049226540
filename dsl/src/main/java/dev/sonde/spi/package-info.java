/** What an engine or a service implements so that the language runs on it; found by {@link java.util.ServiceLoader}. */
@NullMarked
package dev.sonde.spi;

import org.jspecify.annotations.NullMarked;
