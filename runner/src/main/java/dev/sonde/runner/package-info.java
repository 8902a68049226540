/** What generated runners need: options, progress, tables, pictures and reports. Knows no engine and no HTTP. */
@NullMarked
package dev.sonde.runner;

import org.jspecify.annotations.NullMarked;
