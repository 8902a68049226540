package dev.sonde.onnx.unfuse;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A sum of stream and module, and the norm behind it: SkipLayerNormalization and SkipSimplifiedLayerNormalization. */
final class SkipNorms implements Decomposition {
    private static final Set<String> PRODUCTS =
            Set.of("MatMul", "Gemm", "FusedMatMul", "MatMulNBits", "MatMulIntegerToFloat", "Mul");

    private final Known known;
    private final boolean simplified;

    SkipNorms(Known known, boolean simplified) {
        this.known = known;
        this.simplified = simplified;
    }

    @Override
    public void write(Parts parts) {
        parts.refuseOutputs(1, 2);
        int bias = simplified ? 3 : 4;
        String a = parts.input(0);
        String b = parts.input(1);
        if (parts.has(bias)) {
            boolean first = isProduct(a);
            Parts.require(first != isProduct(b), "it is not clear which of its two inputs its bias belongs to");
            String biased = parts.add("bias", "Add", List.of(first ? a : b, parts.input(bias)));
            a = first ? biased : a;
            b = first ? b : biased;
        }
        String sum = parts.stream(parts.output(3), "sum", a, b);
        List<String> inputs = new ArrayList<>(List.of(sum, parts.input(2)));
        if (!simplified && parts.has(3)) {
            inputs.add(parts.input(3));
        }
        // ONNX Runtime knows both under the standard domain, in every version of it
        parts.into(
                parts.output(0),
                "norm",
                simplified ? "SimplifiedLayerNormalization" : "LayerNormalization",
                inputs,
                Parts.of("axis", -1),
                Parts.of("epsilon", parts.real("epsilon", 1e-12f)));
    }

    private boolean isProduct(String value) {
        return PRODUCTS.contains(known.operator(value));
    }
}
