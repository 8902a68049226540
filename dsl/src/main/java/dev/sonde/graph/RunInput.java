package dev.sonde.graph;

import dev.sonde.Tensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What one forward pass is given. */
public sealed interface RunInput {
    /** Returns the number of rows, 0 if the tensors do not say. */
    int rows();

    /**
     * Token ids, one list per row, without padding; the engine fills masks and position ids.
     *
     * @param ids at least one row, no row empty
     * @param texts the texts that the ids were made from, for people; empty or one per row
     * @param extra further inputs of the file by name
     */
    record Tokens(List<List<Long>> ids, List<String> texts, Map<String, Tensor> extra) implements RunInput {
        /** Copies its parts. */
        public Tokens {
            ids = ids.stream().map(List::copyOf).toList();
            texts = List.copyOf(texts);
            extra = Map.copyOf(new TreeMap<>(extra));
        }

        @Override
        public int rows() {
            return ids.size();
        }

        /** Returns the number of tokens of each row. */
        public List<Long> lengths() {
            return ids.stream().map(row -> (long) row.size()).toList();
        }
    }

    /**
     * Tensors for the file's inputs by name, used as they are.
     *
     * @param tensors inputs by name; masks, position ids and empty pasts that are missing are filled
     */
    record Tensors(Map<String, Tensor> tensors) implements RunInput {
        /** Copies its map. */
        public Tensors {
            tensors = Map.copyOf(new TreeMap<>(tensors));
        }

        @Override
        public int rows() {
            return 0;
        }
    }
}
