package dev.sonde;

import dev.sonde.graph.RunInput;
import java.util.ArrayList;
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

    /**
     * Returns several prompts of token ids and further inputs of the file by name, such as {@code token_type_ids}; what is
     * given here is not filled by Sonde. Rows are then padded on the right to the longest.
     */
    public static RunInput rows(List<List<Long>> rows, Map<String, Tensor> more) {
        return new RunInput.Tokens(rows, List.of(), more);
    }

    /**
     * Returns the prompts of a batch that was padded elsewhere, on the left or right. Unlike {@link #tensors} it knows each
     * prompt's own positions.
     *
     * @param ids whole numbers, {@code [batch, position]}
     * @param mask of the same shape; what is 0 there is padding
     * @throws SondeException {@code wrong-input} if the shapes differ, or a row is all padding
     */
    public static RunInput padded(Tensor ids, Tensor mask) {
        if (ids.rank() != 2 || !Arrays.equals(ids.shape(), mask.shape())) {
            throw new SondeException(
                    "wrong-input",
                    "A padded batch is ids and a mask [batch, position] but was " + ids.describe() + " and "
                            + mask.describe());
        }
        long[] tokens = ids.toLongs();
        double[] kept = mask.toDoubles();
        int width = (int) ids.size(1);
        List<List<Long>> rows = new ArrayList<>();
        for (int row = 0; row < ids.size(0); row++) {
            List<Long> own = new ArrayList<>();
            for (int i = row * width; i < (row + 1) * width; i++) {
                if (kept[i] != 0) {
                    own.add(tokens[i]);
                }
            }
            if (own.isEmpty()) {
                throw new SondeException("wrong-input", "Row " + row + " of a padded batch is all padding");
            }
            rows.add(own);
        }
        return rows(rows);
    }

    /** Returns tensors for the file's inputs by name, used as they are. */
    public static RunInput tensors(Map<String, Tensor> tensors) {
        return new RunInput.Tensors(tensors);
    }
}
