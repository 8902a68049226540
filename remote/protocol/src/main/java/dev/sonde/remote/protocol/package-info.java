/** The messages between the service and its client. */
@NullMarked
package dev.sonde.remote.protocol;

import org.jspecify.annotations.NullMarked;
