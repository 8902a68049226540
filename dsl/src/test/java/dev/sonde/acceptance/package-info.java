/** Tests of the language as a user sees it, from a package that is not its own. */
@NullMarked
package dev.sonde.acceptance;

import org.jspecify.annotations.NullMarked;
