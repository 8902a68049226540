/** The workloads that other tools are measured with too, on the same files, their numbers checked before a time counts. */
@NullMarked
package dev.sonde.bench;

import org.jspecify.annotations.NullMarked;
