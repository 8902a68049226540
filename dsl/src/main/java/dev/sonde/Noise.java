package dev.sonde;

import dev.sonde.graph.Dim;
import dev.sonde.graph.ValueType;
import java.util.Random;

/** Makes random tensors from seeds. */
final class Noise {
    /** An odd number far from any other: rows' seeds do not meet. */
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private Noise() {}

    static Tensor normal(long seed, ValueType type) {
        if (type.dims().stream().anyMatch(dim -> dim.size() == Dim.UNKNOWN)) {
            throw new SondeException(
                    "unknown-size",
                    "Noise needs a known shape but was asked for " + type + " (" + UserLine.here() + ")");
        }
        long[] shape = type.shape();
        int rows = shape.length == 0 ? 1 : (int) shape[0];
        int count = 1;
        for (long size : shape) {
            count = Math.multiplyExact(count, (int) size);
        }
        float[] values = new float[count];
        int each = rows == 0 ? 0 : count / rows;
        for (int row = 0; row < rows; row++) {
            Random random = new Random(seed + GOLDEN * (row + 1));
            for (int i = 0; i < each; i++) {
                values[row * each + i] = (float) random.nextGaussian();
            }
        }
        return Tensor.of(values, shape).withNames(type.names());
    }
}
