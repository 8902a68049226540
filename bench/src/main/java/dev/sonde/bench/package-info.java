/** Benchmarks. */
@NullMarked
package dev.sonde.bench;

import org.jspecify.annotations.NullMarked;
