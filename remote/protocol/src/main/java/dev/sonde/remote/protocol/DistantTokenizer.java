package dev.sonde.remote.protocol;

import dev.sonde.chat.ChatTemplate;
import dev.sonde.spi.Tokenizer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A tokenizer in another process. What it says of texts, besides their tokens, is asked for once. Safe for many threads. */
public abstract class DistantTokenizer implements Tokenizer {
    private @Nullable TextFacts facts;

    /** Asks for what the model's folder says of texts. */
    protected abstract TextFacts askFacts();

    @Override
    public final List<Long> endTokens() {
        return facts().endTokens();
    }

    @Override
    public final Optional<ChatTemplate> chatTemplate() {
        return facts().template();
    }

    private synchronized TextFacts facts() {
        TextFacts known = facts;
        if (known == null) {
            known = askFacts();
            facts = known;
        }
        return known;
    }
}
