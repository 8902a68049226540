/** The HTTP service. Runs any backend of the SPI and knows no engine by name. */
@NullMarked
package dev.sonde.remote.server;

import org.jspecify.annotations.NullMarked;
