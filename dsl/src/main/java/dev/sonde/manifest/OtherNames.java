package dev.sonde.manifest;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The names that TransformerLens and pyvene have for standard sites. */
final class OtherNames {
    private static final Pattern LENS_BLOCK = Pattern.compile("blocks\\.(\\d+)\\.((?:\\w+\\.)?\\w+)");
    private static final Pattern PYVENE = Pattern.compile("((?:.*\\.)?layers\\.\\d+)#(?:head_)?(\\w+)");

    /** Those that are not the standard name behind {@code hook_}. */
    private static final Map<String, String> IN_BLOCK = Map.ofEntries(
            Map.entry("attn.hook_q", "q_pre"),
            Map.entry("attn.hook_k", "k_pre"),
            Map.entry("attn.hook_rot_q", "q"),
            Map.entry("attn.hook_rot_k", "k"),
            Map.entry("attn.hook_attn_scores", "scores"),
            Map.entry("mlp.hook_pre", "mlp_pre"),
            Map.entry("mlp.hook_post", "mlp_post"),
            Map.entry("ln1.hook_scale", "norm_scale"),
            Map.entry("ln2.hook_scale", "mlp_norm_scale"));

    private static final Map<String, String> WITHOUT_LAYER = Map.of(
            "embed.W_E", "W_E",
            "pos_embed.W_pos", "W_pos",
            "unembed.W_U", "W_U",
            "unembed.b_U", "b_U");

    private static final Map<String, String> COMPONENTS = Map.ofEntries(
            Map.entry("block_input", "resid_pre"),
            Map.entry("block_output", "resid_post"),
            Map.entry("attention_output", "attn_out"),
            Map.entry("attention_value_output", "z"),
            Map.entry("attention_weight", "pattern"),
            Map.entry("mlp_output", "mlp_out"),
            Map.entry("mlp_activation", "mlp_post"),
            Map.entry("query_output", "q_pre"),
            Map.entry("key_output", "k_pre"),
            Map.entry("value_output", "v"));

    private OtherNames() {}

    /** Returns the standard name; nothing if this is none of theirs. */
    static Optional<String> of(String name) {
        Matcher block = LENS_BLOCK.matcher(name);
        if (block.matches()) {
            return inBlock(block.group(2)).map(port -> "layers." + block.group(1) + "#" + port);
        }
        Matcher component = PYVENE.matcher(name);
        if (component.matches()) {
            @Nullable String port = COMPONENTS.get(component.group(2));
            return Optional.ofNullable(port).map(each -> component.group(1) + "#" + each);
        }
        return name.startsWith("hook_")
                ? Optional.of(name.substring("hook_".length()))
                : Optional.ofNullable(WITHOUT_LAYER.get(name));
    }

    private static Optional<String> inBlock(String name) {
        @Nullable String known = IN_BLOCK.get(name);
        String last = name.substring(name.indexOf('.') + 1);
        if (known != null) {
            return Optional.of(known);
        }
        boolean weight = name.matches("(attn|mlp)\\.[Wb]_\\w+");
        return last.startsWith("hook_")
                ? Optional.of(last.substring("hook_".length()))
                : weight ? Optional.of(last) : Optional.empty();
    }
}
