package dev.sonde;

import dev.sonde.graph.RunInput;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Makes what runs are given, besides plain text. */
public final class Input {
    private Input() {}

    /** Returns one prompt of token ids. */
    public static RunInput ids(long... ids) {
        return rows(List.of(Arrays.stream(ids).boxed().toList()));
    }

    /** Returns several prompts of token ids, of any lengths. */
    public static RunInput rows(List<List<Long>> rows) {
        return new RunInput.Tokens(rows, List.of(), Map.of());
    }

    /** Returns tensors for the file's inputs by name, used as they are. */
    public static RunInput tensors(Map<String, Tensor> tensors) {
        return new RunInput.Tensors(tensors);
    }
}
