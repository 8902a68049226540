/** Finds the models of {@code src-test-models} from whatever folder a test runs in; depends on nothing of Sonde. */
@NullMarked
package dev.sonde.testmodels;

import org.jspecify.annotations.NullMarked;
