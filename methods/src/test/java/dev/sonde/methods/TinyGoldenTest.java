package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The tiny trained decoders, whose circuits are known. */
class TinyGoldenTest {
    @Test
    void inductionHeadsAreFoundWhereTheyAre() {
        Golden golden = Golden.of("tiny-induction").first("repeated_tokens");
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("induction"))) {
            List<Saved<Tensor>> found = model.session(s -> {
                InductionHeads heads =
                        InductionHeads.of(s, golden.input("input_ids"), golden.integer("segment_length"));
                HeadAblation ablation = HeadAblation.of(s, golden.input("input_ids"));
                return List.of(
                        heads.previousToken().save(),
                        heads.induction().save(),
                        heads.duplicateToken().save(),
                        heads.loss(heads.run()).save(),
                        ablation.zeroedByHead(heads::loss).save(),
                        ablation.meanByHead(heads::loss, "batch", "position").save());
            });
            golden.check("previous_token_score", found.get(0).value(), 1e-4);
            golden.check("induction_score", found.get(1).value(), 1e-4);
            golden.check("duplicate_token_score", found.get(2).value(), 1e-4);
            golden.check("loss_second_copy", found.get(3).value(), 1e-3);
            golden.check("loss_second_copy_head_zeroed", found.get(4).value(), 1e-3);
            golden.check("loss_second_copy_head_mean_ablated", found.get(5).value(), 1e-3);
            assertThat(found.get(1).value().names()).containsExactly("layer", "head");
        }
    }

    @Test
    void patchingFindsWhatCarriesTheName() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            for (Golden golden : Golden.of("tiny-names").all("batches")) {
                List<Saved<Tensor>> found = model.session(s -> {
                    Metric metric = Metric.logitDifference(s, golden.ids("io_ids"), golden.ids("subject_ids"));
                    ActivationPatching patching =
                            ActivationPatching.of(s, golden.input("clean_ids"), golden.input("corrupt_ids"), metric);
                    HeadAblation ablation = HeadAblation.of(s, golden.input("clean_ids"));
                    return List.of(
                            metric.of(patching.clean()).save(),
                            metric.of(patching.corrupt()).save(),
                            patching.byLayerAndPosition("resid_post").save(),
                            patching.byHead().save(),
                            patching.byHeadAndPosition().save(),
                            ablation.zeroedByHead(metric).save(),
                            ablation.meanByHead(metric, "batch").save());
                });
                golden.check("logit_diff_clean", found.get(0).value(), 1e-3);
                golden.check("logit_diff_corrupt", found.get(1).value(), 1e-3);
                golden.check("resid_post_patching", found.get(2).value(), 1e-3);
                golden.check("head_patching", found.get(3).value(), 1e-3);
                golden.check("head_patching_by_position", found.get(4).value(), 1e-3);
                golden.check("logit_diff_head_zeroed", found.get(5).value(), 1e-3);
                golden.check("logit_diff_head_mean_ablated", found.get(6).value(), 1e-3);
                assertThat(found.get(2).value().names()).containsExactly("layer", "position");
            }
        }
    }
}
