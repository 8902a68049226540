package dev.sonde.samples;

import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.methods.HeadAblation;
import dev.sonde.methods.Metric;
import dev.sonde.methods.SentenceEmbedding;

/** Which heads of a sentence encoder carry the meaning? The similarity of two sentences when a head of the first is silent. */
@Experiment(model = "minilm")
final class MeaningHeads {
    /** The sentence whose heads are silenced one by one. */
    @Param
    String first = "The cat sat on the mat.";

    /** The sentence that it is compared with. */
    @Param
    String second = "A kitten is resting on a rug.";

    record Found(Saved<Tensor> similarity, Saved<Tensor> changeWithoutHead, Saved<Tensor> changeWithoutLayer) {}

    @Body
    Found body(Session s) {
        Metric metric = Metric.similarityTo(SentenceEmbedding.of(s.run(second)));
        HeadAblation ablation = HeadAblation.of(s, s.input(first));
        Value<?> similarity = metric.of(s.run(first));
        return new Found(
                similarity.save(),
                ablation.zeroedByHead(metric).minus(similarity).save(),
                ablation.zeroedByLayer(metric).minus(similarity).save());
    }
}
