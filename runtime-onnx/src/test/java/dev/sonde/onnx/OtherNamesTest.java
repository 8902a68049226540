package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.manifest.ModelManifest;
import dev.sonde.testmodels.TestModels;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Names of other systems mean the standard sites. */
class OtherNamesTest {
    private static final Map<String, String> TRANSFORMER_LENS = new TreeMap<>(Map.ofEntries(
            Map.entry("hook_embed", "embed"),
            Map.entry("hook_pos_embed", "pos_embed"),
            Map.entry("blocks.1.hook_resid_pre", "layers.1#resid_pre"),
            Map.entry("blocks.1.hook_resid_mid", "layers.1#resid_mid"),
            Map.entry("blocks.1.hook_resid_post", "layers.1#resid_post"),
            Map.entry("blocks.1.hook_attn_out", "layers.1#attn_out"),
            Map.entry("blocks.1.hook_mlp_out", "layers.1#mlp_out"),
            Map.entry("blocks.1.attn.hook_q", "layers.1#q_pre"),
            Map.entry("blocks.1.attn.hook_k", "layers.1#k_pre"),
            Map.entry("blocks.1.attn.hook_rot_q", "layers.1#q"),
            Map.entry("blocks.1.attn.hook_rot_k", "layers.1#k"),
            Map.entry("blocks.1.attn.hook_v", "layers.1#v"),
            Map.entry("blocks.1.attn.hook_attn_scores", "layers.1#scores"),
            Map.entry("blocks.1.attn.hook_pattern", "layers.1#pattern"),
            Map.entry("blocks.1.attn.hook_z", "layers.1#z"),
            Map.entry("blocks.1.attn.hook_result", "layers.1#result"),
            Map.entry("blocks.1.mlp.hook_pre", "layers.1#mlp_pre"),
            Map.entry("blocks.1.mlp.hook_post", "layers.1#mlp_post"),
            Map.entry("blocks.1.attn.W_Q", "layers.1#W_Q"),
            Map.entry("blocks.1.attn.b_O", "layers.1#b_O"),
            Map.entry("blocks.1.mlp.W_in", "layers.1#W_in"),
            Map.entry("embed.W_E", "W_E"),
            Map.entry("unembed.W_U", "W_U")));

    private static final Map<String, String> PYVENE = new TreeMap<>(Map.ofEntries(
            Map.entry("layers.1#block_input", "layers.1#resid_pre"),
            Map.entry("layers.1#block_output", "layers.1#resid_post"),
            Map.entry("layers.1#attention_output", "layers.1#attn_out"),
            Map.entry("layers.1#mlp_output", "layers.1#mlp_out"),
            Map.entry("layers.1#mlp_activation", "layers.1#mlp_post"),
            Map.entry("layers.1#attention_weight", "layers.1#pattern"),
            Map.entry("layers.1#head_attention_value_output", "layers.1#z"),
            Map.entry("layers.1#query_output", "layers.1#q_pre"),
            Map.entry("layers.1#head_key_output", "layers.1#k_pre"),
            Map.entry("layers.1#head_value_output", "layers.1#v")));

    @Test
    void transformerLensAndPyveneNamesAreUnderstood() {
        try (OnnxModel model = OnnxModel.open(TestModels.conformance().resolve("gpt2/dynamo.onnx"))) {
            ModelManifest manifest = model.manifest();
            TRANSFORMER_LENS.forEach((name, site) ->
                    assertThat(manifest.site(name).name()).as(name).isEqualTo(site));
            PYVENE.forEach((name, site) ->
                    assertThat(manifest.site(name).name()).as(name).isEqualTo(site));
            assertThat(manifest.site("layers.1.attn#output[0]").name()).isEqualTo("transformer.h.1.attn#output");
            assertThat(manifest.site("layers.1.mlp").name()).isEqualTo("transformer.h.1.mlp#output");
            assertThat(manifest.module("layers.1").path()).isEqualTo("transformer.h.1");
        }
    }
}
