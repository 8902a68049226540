package dev.sonde.remote.protocol;

import java.util.List;

/**
 * Token ids of a text.
 *
 * @param ids in order
 */
public record IdsBody(List<Long> ids) {
    /** Copies its list. */
    public IdsBody {
        ids = List.copyOf(ids);
    }

    /** Returns the ids as the tokenizer wants them. */
    public long[] toArray() {
        return ids.stream().mapToLong(Long::longValue).toArray();
    }

    /** Returns a body of those ids. */
    public static IdsBody of(long... ids) {
        return new IdsBody(java.util.Arrays.stream(ids).boxed().toList());
    }
}
