package dev.sonde.graph;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A region of a value: for some axes the indices that are picked; axes without a pick are whole.
 *
 * <p>Indices are not negative, except of axes whose size only the run tells: there they count from the end. Along a position axis they are the prompt's own; a run of text or ids is laid out so that
 * row r's token i has index i.
 *
 * @param picks at most one per axis, by rising axis
 */
public record Selection(List<Pick> picks) {
    /**
     * What is picked of one axis.
     *
     * @param axis its index in the value
     * @param single whether the axis disappears from the result (then every list has one index)
     * @param rows indices; one list for all rows, or one list for each row of axis 0 (all of one length)
     */
    public record Pick(int axis, boolean single, List<List<Long>> rows) {
        /** Copies its lists. */
        public Pick {
            rows = rows.stream().map(List::copyOf).toList();
        }

        /** Returns whether each row has indices of its own. */
        public boolean perRow() {
            return rows.size() > 1;
        }

        /** Returns how many indices are picked. */
        public int count() {
            return rows.get(0).size();
        }

        @Override
        public String toString() {
            String text = perRow()
                    ? rows.toString()
                    : single ? rows.get(0).get(0).toString() : rows.get(0).toString();
            return axis + ":" + text;
        }
    }

    /** Copies its list. */
    public Selection {
        picks = List.copyOf(picks);
    }

    @Override
    public String toString() {
        return picks.stream().map(Pick::toString).collect(Collectors.joining(", ", "[", "]"));
    }
}
