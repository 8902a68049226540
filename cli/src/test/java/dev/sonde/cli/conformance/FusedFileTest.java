package dev.sonde.cli.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Model;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What an optimiser fused is there all the same: these cases are reproduced, and a refusal would be a failure. */
class FusedFileTest {
    private static final Set<String> REPRODUCED = Set.of(
            "read_everything",
            "read_slices",
            "read_attention_probabilities",
            "read_qkv",
            "zero_mlp",
            "zero_attention",
            "zero_head",
            "zero_head_one_position",
            "zero_neurons",
            "mean_ablation",
            "zero_embedding_of_one_token",
            "edit_attention_probabilities",
            "edit_value_vectors",
            "steer_one_position",
            "steer_all_positions",
            "steer_block_input",
            "scale_output",
            "edit_logits",
            "patch_one_position",
            "patch_sweep_layer_position",
            "patch_sweep_layer_head",
            "ablate_sweep_layer_module",
            "path_patch_one_consumer",
            "path_patch_attention_input",
            "logit_lens",
            "module_call_and_write_back",
            "skip_block",
            "skip_mlp_with_constant",
            "skip_two_blocks",
            "early_stop",
            "left_padded_batch",
            "left_padded_batch_edited",
            "edit_one_row",
            "swap_between_rows",
            "two_invokes",
            "order_matters",
            "read_edit_read",
            "inplace_equals_replace",
            "module_output_vs_child",
            "many_edits",
            "value_from_two_sites",
            "sae_splice",
            "sae_feature_ablation_with_error",
            "lora_add");

    @Test
    void everyForwardCaseOfTheFusedGpt2IsReproduced() {
        Suite suite = Suite.readAll(TestModels.conformance()).stream()
                .filter(each -> each.model().equals("gpt2"))
                .findFirst()
                .orElseThrow();
        SuiteFile file = suite.files().stream()
                .filter(each -> each.key().equals("ort_fused"))
                .findFirst()
                .orElseThrow();
        List<Case> cases = suite.cases().stream()
                .filter(each -> each.kind().equals("trace"))
                .toList();
        assertThat(cases.stream().map(Case::name)).containsExactlyInAnyOrderElementsOf(REPRODUCED);
        try (Model model = OnnxModel.open(file.path())) {
            CaseRunner runner = new CaseRunner(suite, file, model);
            assertThat(cases)
                    .allSatisfy(each -> assertThat(runner.run(each).verdict())
                            .as(each.name() + ": " + runner.run(each))
                            .isEqualTo(Outcome.Verdict.PASSED));
        }
    }
}
