/**
 * Kinds: what sort of value a site carries, for the compiler alone. A patch of a {@link dev.sonde.kind.Pattern} with a
 * {@link dev.sonde.kind.Residual} does not compile. Kinds have no members and no instances.
 */
@NullMarked
package dev.sonde.kind;

import org.jspecify.annotations.NullMarked;
