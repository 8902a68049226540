package dev.sonde.methods;

import dev.sonde.Tensor;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Rows of a matrix that is in memory, as a data set. */
final class Rows {
    private static final String FIELD = "row";

    private Rows() {}

    /** Returns a data set of the rows' numbers. */
    static Dataset dataset(Tensor matrix) {
        if (matrix.rank() != 2) {
            throw new IllegalArgumentException("Expected [row, width] but was " + matrix.describe());
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        for (int i = 0; i < matrix.size(0); i++) {
            rows.add(Map.of(FIELD, i));
        }
        return Dataset.of(rows);
    }

    static int number(Row row) {
        return (int) row.whole(FIELD);
    }

    /** Returns some of a matrix' rows: {@code [row, width]}. */
    static Tensor of(Tensor matrix, List<Row> batch) {
        int width = (int) matrix.size(1);
        float[] some = new float[batch.size() * width];
        for (int i = 0; i < batch.size(); i++) {
            float[] row = matrix.row(number(batch.get(i))).toFloats();
            System.arraycopy(row, 0, some, i * width, width);
        }
        return Tensor.of(some, batch.size(), width);
    }
}
