package dev.sonde.graph;

import dev.sonde.GenerationOptions;
import dev.sonde.Tensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What one forward pass is given. */
public sealed interface RunInput {
    /** Returns the number of rows, 0 if the tensors do not say. */
    int rows();

    /** Returns what is given by the names of the file's inputs. */
    default Map<String, Tensor> tensors() {
        return Map.of();
    }

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

        @Override
        public Map<String, Tensor> tensors() {
            return extra;
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

    /**
     * Prompts that text is generated from. As a run it is the prompt pass, step 0 of the generation; the later steps are
     * {@link Steps}.
     *
     * @param prompt what the prompt pass is given
     * @param options how tokens are chosen, and when it ends
     */
    record Generation(Tokens prompt, GenerationOptions options) implements RunInput {
        @Override
        public int rows() {
            return prompt.rows();
        }

        @Override
        public Map<String, Tensor> tensors() {
            return prompt.extra();
        }
    }

    /**
     * Later steps of a generation that share reads and edits. Each computes one new position for each row.
     *
     * @param generation index of the run of the prompt pass
     * @param rows number of prompts
     * @param steps which steps, by rising number, 1 or more
     */
    record Steps(int generation, int rows, List<Range> steps) implements RunInput {
        /** Copies its list. */
        public Steps {
            steps = List.copyOf(steps);
        }

        /** Returns whether a step is one of these. */
        public boolean contains(long step) {
            return steps.stream().anyMatch(range -> range.from() <= step && step < range.to());
        }

        /** Returns the number of the last step. */
        public long last() {
            return steps.get(steps.size() - 1).to() - 1;
        }
    }

    /**
     * Numbers in a row.
     *
     * @param from the first
     * @param to the one behind the last
     */
    record Range(long from, long to) {
        @Override
        public String toString() {
            return to - from == 1 ? Long.toString(from) : from + "-" + (to - 1);
        }
    }
}
