package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Value;
import dev.sonde.kind.Any;

/** Sentence embeddings of encoders whose readout is the mean over the words (Reimers and Gurevych, "Sentence-BERT", 2019). */
public final class SentenceEmbedding {
    private SentenceEmbedding() {}

    /**
     * Returns the mean of the last layer's stream over the positions, divided by its length: {@code [batch, d_model]}, float32.
     * All prompts of the run have as many tokens.
     */
    public static Value<Any> of(Run run) {
        Value<Any> mean = run.get(StandardSites.last(run, "resid_post")).mean("position");
        return mean.over(mean.norm("d_model").unsqueeze(1, ""));
    }
}
