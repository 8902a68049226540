/** Prompts of conversations, as models were trained to see them. */
@NullMarked
package dev.sonde.chat;

import org.jspecify.annotations.NullMarked;
