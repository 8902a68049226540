package dev.sonde;

import java.util.List;

/**
 * What a generation came to.
 *
 * @param rows one for each prompt
 */
public record Generated(List<Row> rows) {
    /** Why a row ended. */
    public enum Reason {
        /** It has as many new tokens as it may have. */
        LENGTH,
        /** A stop token came. */
        STOP_TOKEN,
        /** A stop string is in its new text. */
        STOP_STRING,
        /** A condition of the experiment held. */
        CONDITION;

        private static final List<Reason> ALL = List.of(values());

        /** Returns the code of this reason in a generation's {@code reasons}. */
        public long code() {
            return ALL.indexOf(this);
        }

        /** Returns the reason of a code. */
        static Reason of(long code) {
            return ALL.get(Math.toIntExact(code));
        }
    }

    /**
     * What was generated from one prompt.
     *
     * @param text of the new tokens, without a stop token at its end; empty if the model has no tokenizer
     * @param ids of the new tokens, a stop token included
     * @param logProbs natural logarithm of each new token's probability under the model, edits included, options not
     * @param reason why it ended
     * @param steps how many steps truly ran for it, the prompt pass included
     */
    public record Row(String text, List<Long> ids, List<Double> logProbs, Reason reason, int steps) {
        /** Copies its lists. */
        public Row {
            ids = List.copyOf(ids);
            logProbs = List.copyOf(logProbs);
        }
    }

    /** Copies its list. */
    public Generated {
        rows = List.copyOf(rows);
    }

    /** Returns the new text of the first prompt. */
    public String text() {
        return rows.get(0).text();
    }

    /** Returns the ids of the first prompt's new tokens. */
    public List<Long> ids() {
        return rows.get(0).ids();
    }

    /** Returns how many steps truly ran, the prompt pass included: those of the row that went on longest. */
    public int steps() {
        return rows.stream().mapToInt(Row::steps).max().orElse(0);
    }
}
