/** A model that lives on a service. Knows no engine. */
@NullMarked
package dev.sonde.remote.client;

import org.jspecify.annotations.NullMarked;
