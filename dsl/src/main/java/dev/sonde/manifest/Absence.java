package dev.sonde.manifest;

/**
 * A site that users may look for and that this file does not have.
 *
 * @param site its name, such as {@code transformer.h.0.attn.resid_dropout#output} or {@code layers.0#pattern}
 * @param reason why, as the end of a sentence: {@code "fused in com.microsoft.Attention at 'Attention_0'"}
 */
public record Absence(String site, String reason) {}
