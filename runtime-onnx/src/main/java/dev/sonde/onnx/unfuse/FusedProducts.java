package dev.sonde.onnx.unfuse;

import java.util.List;
import java.util.stream.LongStream;

/** FusedMatMul and TransposeMatMul: a product with factors turned round and a scale. */
final class FusedProducts implements Decomposition {
    @Override
    public void write(Parts parts) {
        Parts.require(
                parts.number("transBatchA", 0) == 0 && parts.number("transBatchB", 0) == 0,
                "it moves the batch axes of its factors");
        String a = parts.number("transA", 0) == 1 ? turned(parts, "a", 0) : parts.input(0);
        String b = parts.number("transB", 0) == 1 ? turned(parts, "b", 1) : parts.input(1);
        float alpha = parts.real("alpha", 1);
        if (alpha == 1) {
            parts.into(parts.output(0), "product", "MatMul", List.of(a, b));
        } else {
            String product = parts.add("product", "MatMul", List.of(a, b));
            parts.into(parts.output(0), "scaled", "Mul", List.of(product, parts.scalar(alpha, parts.dtype(0))));
        }
    }

    private static String turned(Parts parts, String label, int input) {
        int rank = parts.rank(input);
        long[] perm = LongStream.range(0, rank).toArray();
        perm[rank - 1]--;
        perm[rank - 2]++;
        return parts.transpose(label, parts.input(input), perm);
    }
}
