package dev.sonde.onnx.run;

import dev.sonde.Tensor;
import dev.sonde.graph.ValueType;
import java.nio.ByteBuffer;
import java.util.List;

/** Marks results of rows of different lengths, and clears what the model computed for padding. */
final class Padding {
    private static final List<String> AXES = List.of("position", "query", "key");

    private Padding() {}

    static Tensor clear(Tensor tensor, ValueType type) {
        if (!type.isRagged() || type.lengths().size() != tensor.size(0)) {
            return tensor;
        }
        ByteBuffer bytes = ByteBuffer.allocate(tensor.bytes().remaining())
                .order(tensor.bytes().order());
        bytes.put(tensor.bytes()).flip();
        for (String axis : AXES) {
            if (type.axis(axis) > 0) {
                clear(bytes, tensor, type.axis(axis), type.lengths());
            }
        }
        long[] lengths = type.lengths().stream().mapToLong(Long::longValue).toArray();
        return Tensor.wrap(tensor.dtype(), tensor.shape(), tensor.names(), bytes)
                .withRowLengths(lengths);
    }

    private static void clear(ByteBuffer bytes, Tensor tensor, int axis, List<Long> lengths) {
        int inner = tensor.dtype().bytes();
        for (int i = axis + 1; i < tensor.rank(); i++) {
            inner *= (int) tensor.size(i);
        }
        int block = inner * (int) tensor.size(axis);
        int row = bytes.remaining() / lengths.size();
        for (int at = 0; block > 0 && at < bytes.remaining(); at += block) {
            int kept = lengths.get(at / row).intValue() * inner;
            bytes.put(at + kept, new byte[block - kept]);
        }
    }
}
