/** Research methods written in the language. Depends on the language only, so a method runs on any backend. */
@NullMarked
package dev.sonde.methods;

import org.jspecify.annotations.NullMarked;
