package dev.sonde.graph;

import dev.sonde.SondeException;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What prompts of token ids must be: ONNX Runtime counts a negative id from the end of the table, and says nothing. */
final class TokenRules {
    private final ModelManifest manifest;

    TokenRules(ModelManifest manifest) {
        this.manifest = manifest;
    }

    /**
     * Checks ids and lengths, as far as the model's tables are known.
     *
     * @throws SondeException {@code empty-prompt}, {@code unknown-token} or {@code prompt-too-long}
     */
    void check(RunInput.Tokens tokens) {
        long vocabulary = size("W_E", 0).orElse(Long.MAX_VALUE);
        // a table of another width is not added to the embeddings
        long positions =
                size("W_E", 1).equals(size("W_pos", 1)) ? size("W_pos", 0).orElse(Long.MAX_VALUE) : Long.MAX_VALUE;
        if (tokens.ids().isEmpty()) {
            throw new SondeException("empty-prompt", "A run has no prompts: expected at least one");
        }
        for (List<Long> row : tokens.ids()) {
            check(row, vocabulary, positions);
        }
    }

    private void check(List<Long> row, long vocabulary, long positions) {
        if (row.isEmpty()) {
            throw new SondeException("empty-prompt", "A prompt has no tokens: expected at least one");
        }
        if (row.size() > positions) {
            throw new SondeException(
                    "prompt-too-long",
                    "A prompt has " + row.size() + " tokens: model '" + manifest.name() + "' has positions for "
                            + positions);
        }
        for (long id : row) {
            if (id < 0 || id >= vocabulary) {
                throw new SondeException(
                        "unknown-token",
                        "Model '" + manifest.name() + "' has no token " + id
                                + (vocabulary == Long.MAX_VALUE ? "" : ": expected 0 to " + (vocabulary - 1)));
            }
        }
    }

    private Optional<Long> size(String parameter, int axis) {
        Optional<SiteInfo> table =
                manifest.find(parameter).filter(site -> site.axes().size() == 2);
        return table.map(site -> site.axes().get(axis).size().in(Map.of()))
                .filter(java.util.OptionalLong::isPresent)
                .map(java.util.OptionalLong::getAsLong);
    }
}
