package dev.sonde.chat;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a template may take: it comes with a model, from strangers. */
final class Effort {
    private static final int MOST_STEPS = 20_000_000;
    private static final int DEEPEST = 400;
    private static final int LONGEST = 1 << 24;

    private int steps;
    private int depth;

    void step() {
        if (++steps > MOST_STEPS) {
            throw ChatTemplate.bad(0, "it takes more than " + MOST_STEPS + " steps");
        }
    }

    /** Returns a size that is not too large. */
    int size(long size) {
        if (size < 0 || size > LONGEST) {
            throw ChatTemplate.bad(0, "a size of " + size + " is more than " + LONGEST);
        }
        return (int) size;
    }

    /** Does a part of something. */
    <T extends @Nullable Object> T within(Supplier<T> part) {
        step();
        if (++depth > DEEPEST) {
            throw ChatTemplate.bad(0, "it is nested more than " + DEEPEST + " deep");
        }
        T result = part.get();
        depth--;
        return result;
    }
}
