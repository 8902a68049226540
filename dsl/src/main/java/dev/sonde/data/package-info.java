/** Experiments over data sets: rows from files or memory, results row by row, running means, and folders that keep them. */
@NullMarked
package dev.sonde.data;

import org.jspecify.annotations.NullMarked;
