package dev.sonde.data;

import java.util.Iterator;

/** Records the next rows as one experiment. */
interface BatchRecorder {
    /**
     * Takes one row or more.
     *
     * @param rowsAtOnce how many, or 0 for as many as make a reasonable experiment
     */
    Batch record(Iterator<Row> rows, int rowsAtOnce);
}
