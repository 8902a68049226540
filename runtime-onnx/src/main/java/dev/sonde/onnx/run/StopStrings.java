package dev.sonde.onnx.run;

import dev.sonde.SondeException;
import dev.sonde.spi.Tokenizer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds texts that end a row. */
final class StopStrings {
    private final List<String> strings;
    private final @Nullable Tokenizer tokenizer;

    StopStrings(List<String> strings, Optional<Tokenizer> tokenizer) {
        this.strings = strings;
        this.tokenizer = tokenizer.orElse(null);
        if (!strings.isEmpty() && tokenizer.isEmpty()) {
            throw new SondeException(
                    "no-tokenizer",
                    "Stop strings " + strings + " need a tokenizer: expected stop tokens, or a"
                            + " tokenizer.json beside the ONNX file");
        }
    }

    /** Returns whether new tokens have one of the texts in them. */
    boolean end(List<Long> prompt, List<Long> fresh) {
        if (tokenizer == null || strings.isEmpty()) {
            return false;
        }
        String text = tokenizer.continuation(prompt, fresh);
        return strings.stream().anyMatch(text::contains);
    }
}
