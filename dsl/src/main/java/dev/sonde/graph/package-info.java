/**
 * The intervention graph: what an experiment <em>is</em>. Immutable records with integer ids, their shapes, their text and
 * their file form. Nothing here knows a recorder, an engine or a service.
 */
@NullMarked
package dev.sonde.graph;

import org.jspecify.annotations.NullMarked;
