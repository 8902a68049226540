package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.SondeException;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import java.util.ArrayList;
import java.util.List;

/**
 * What a model would say if it stopped after each layer: the final norm and the unembedding applied to the residual stream
 * (nostalgebraist, "interpreting GPT: the logit lens", 2020).
 *
 * @param finalNorm path of the module that normalises the stream before the unembedding
 * @param unembedding path of the module that makes logits of it
 */
public record LogitLens(String finalNorm, String unembedding) {
    private static final List<String> NORMS =
            List.of("norm", "ln_f", "final_layer_norm", "final_layernorm", "ln_final", "final_norm");
    private static final List<String> UNEMBEDDINGS = List.of("lm_head", "embed_out", "unembed", "output_projection");

    /**
     * Returns the lens of a model, its two modules found by the names that model families give them.
     *
     * @throws SondeException {@code unknown-module} if there is none of such a name; then name them yourself
     */
    public static LogitLens of(ModelManifest manifest) {
        return new LogitLens(find(manifest, NORMS), find(manifest, UNEMBEDDINGS));
    }

    private static String find(ModelManifest manifest, List<String> names) {
        return manifest.modules().stream()
                .map(ModuleInfo::path)
                .filter(path -> names.contains(path.substring(path.lastIndexOf('.') + 1)))
                .filter(path -> !path.matches(".*\\.\\d+(\\..*)?")) // not those of a block
                .findFirst()
                .orElseThrow(() -> new SondeException(
                        "unknown-module",
                        "No logit lens for model '" + manifest.name() + "': expected a module called one of " + names
                                + " outside the blocks; name the modules with new LogitLens(finalNorm, unembedding)"));
    }

    /**
     * Returns the logits after one layer.
     *
     * @param at which part of the stream to look at, such as {@code position(-1)}; all of it if empty
     * @return {@code [batch, position, vocab]}, without the axes that {@code at} selects one index of
     */
    public Value<Any> logits(Run run, int layer, Selector... at) {
        Value<Any> stream = run.get(StandardSites.of(layer, "resid_post"));
        Value<Any> logits = run.call(unembedding, run.call(finalNorm, at.length == 0 ? stream : stream.at(at)));
        // The file may not say what its last axis is; here it is known.
        List<String> names = new ArrayList<>(logits.type().names());
        names.set(names.size() - 1, "vocab");
        return logits.rename(names.toArray(String[]::new));
    }

    /** Returns the logits after every layer: {@code [layer, batch, position, vocab]}, as {@link #logits}. */
    public Value<Any> everyLayer(Session session, Run run, Selector... at) {
        return session.stack(
                "layer",
                StandardSites.layers(session.manifest()).stream()
                        .map(layer -> logits(run, layer, at))
                        .toList());
    }
}
