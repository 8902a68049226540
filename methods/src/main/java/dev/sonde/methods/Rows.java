package dev.sonde.methods;

import dev.sonde.Tensor;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.graph.RunInput;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Rows of a matrix that is in memory as a data set, and rows of a run again and again. */
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

    /** Returns an input with all rows so many times, one copy of them behind the other. */
    static RunInput repeated(RunInput input, int times) {
        Map<String, Tensor> tensors = new TreeMap<>();
        input.tensors().forEach((name, tensor) -> tensors.put(name, repeated(tensor, times)));
        if (input instanceof RunInput.Tokens tokens) {
            return new RunInput.Tokens(repeated(tokens.ids(), times), repeated(tokens.texts(), times), tensors);
        }
        if (input instanceof RunInput.Tensors) {
            return new RunInput.Tensors(tensors);
        }
        throw new IllegalArgumentException("Expected prompts or tensors but was " + input);
    }

    private static <T> List<T> repeated(List<T> rows, int times) {
        return Collections.nCopies(times, rows).stream().flatMap(List::stream).toList();
    }

    private static Tensor repeated(Tensor tensor, int times) {
        ByteBuffer bytes =
                ByteBuffer.allocate(tensor.bytes().remaining() * times).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < times; i++) {
            bytes.put(tensor.bytes().duplicate());
        }
        long[] shape = tensor.shape();
        shape[0] *= times;
        return Tensor.wrap(tensor.dtype(), shape, tensor.names(), bytes.flip());
    }
}
