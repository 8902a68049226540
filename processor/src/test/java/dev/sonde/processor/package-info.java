/** What users see of the processor: generated text, errors, and generated code at work. */
@NullMarked
package dev.sonde.processor;

import org.jspecify.annotations.NullMarked;
