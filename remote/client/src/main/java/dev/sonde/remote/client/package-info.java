/** A model that lives on a service. Knows no engine. */
@NullMarked
package dev.sonde.client;

import org.jspecify.annotations.NullMarked;
