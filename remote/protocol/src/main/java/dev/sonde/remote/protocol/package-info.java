/** The messages between the service and its client. */
@NullMarked
package dev.sonde.protocol;

import org.jspecify.annotations.NullMarked;
