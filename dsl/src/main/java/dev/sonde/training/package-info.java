/** Training inside the language: numbers that a loss is made small by, while the model stays as it is. */
@NullMarked
package dev.sonde.training;

import org.jspecify.annotations.NullMarked;
