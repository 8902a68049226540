package dev.sonde;

import dev.sonde.spi.Control;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes text of tokens as they come. A character may be spread over several tokens, and what a token looks like may depend on
 * those before it, so text is told only as far as later tokens cannot change it.
 */
final class TextStream implements Control {
    private static final char INCOMPLETE = '\uFFFD';

    private final Tokenizer tokenizer;
    private final List<Long> prompt;
    private final Consumer<String> text;
    private final List<Long> ids = new ArrayList<>();
    private String told = "";

    TextStream(Tokenizer tokenizer, List<Long> prompt, Consumer<String> text) {
        this.tokenizer = tokenizer;
        this.prompt = prompt;
        this.text = text;
    }

    @Override
    public void token(int generation, int row, long token) {
        if (row > 0) {
            return;
        }
        // the newest token waits for the next one: it may be a stop token, which is no text
        String known = tokenizer.continuation(prompt, ids);
        ids.add(token);
        tell(known);
    }

    private void tell(String known) {
        int end = known.length();
        while (end > 0 && known.charAt(end - 1) == INCOMPLETE) {
            end--;
        }
        if (end > told.length() && known.startsWith(told)) {
            text.accept(known.substring(told.length(), end));
            told = known.substring(0, end);
        }
    }

    /** Tells the rest. */
    void finish(String whole) {
        if (whole.length() > told.length() && whole.startsWith(told)) {
            text.accept(whole.substring(told.length()));
            told = whole;
        }
    }
}
