package dev.sonde.methods;

import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which heads carry the meaning of a sentence, in all-MiniLM-L6-v2. */
class MiniLmGoldenTest {
    @Test
    void headsAndLayersCarryMeaning() {
        try (OnnxModel model = OnnxModel.open(TestModels.miniLm())) {
            for (Golden golden : Golden.of("minilm").all("pairs")) {
                List<Saved<Tensor>> found = model.session(s -> {
                    Metric metric = Metric.similarityTo(SentenceEmbedding.of(s.run(golden.input("b_ids"))));
                    HeadAblation ablation = HeadAblation.of(s, golden.input("a_ids"));
                    return List.of(
                            metric.of(s.run(golden.input("a_ids"))).save(),
                            ablation.zeroedByHead(metric).save(),
                            ablation.zeroedByLayer(metric).save());
                });
                golden.check("cosine", found.get(0).value(), 1e-4);
                golden.check("cosine_with_head_of_a_zeroed", found.get(1).value(), 1e-4);
                golden.check(
                        "cosine_with_all_heads_of_layer_zeroed", found.get(2).value(), 1e-4);
            }
        }
    }

    @Test
    void patchingMovesOneSentenceTowardsTheOther() {
        Golden golden = Golden.of("minilm").first("patching");
        try (OnnxModel model = OnnxModel.open(TestModels.miniLm())) {
            // The golden numbers are cosines with the donor, not normalised.
            Tensor found = model.session(s -> {
                        Metric metric = Metric.similarityTo(SentenceEmbedding.of(s.run(golden.input("a_ids"))));
                        ActivationPatching patching =
                                ActivationPatching.of(s, golden.input("a_ids"), golden.input("b_ids"), metric);
                        var without = metric.of(patching.corrupt());
                        return patching.byLayerAndPosition("resid_post")
                                .times(metric.of(patching.clean()).minus(without))
                                .plus(without)
                                .save();
                    })
                    .value();
            golden.check("cosine_patched", found, 1e-4);
        }
    }

    @Test
    void attentionIsNNsights() {
        try (OnnxModel model = OnnxModel.open(TestModels.miniLm())) {
            for (Golden golden : Golden.of("minilm").all("attention")) {
                Tensor pattern = model.trace(
                                golden.input("input_ids"),
                                t -> t.get("layers." + golden.integer("layer") + "#pattern")
                                        .at(dev.sonde.Selector.head(golden.integer("head")))
                                        .save())
                        .value();
                golden.check("pattern", pattern, 1e-5);
            }
        }
    }
}
