/**
 * Runs conformance suites, in the format that {@code src-test-models/conformance/README.md} describes, through the public
 * interface of the language only: whatever implements {@link dev.sonde.spi.Backend} can be held to the numbers.
 */
@NullMarked
package dev.sonde.cli.conformance;

import org.jspecify.annotations.NullMarked;
