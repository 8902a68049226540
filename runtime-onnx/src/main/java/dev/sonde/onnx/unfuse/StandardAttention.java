package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** The Attention of ai.onnx, from operator set 23 on. */
final class StandardAttention implements Decomposition {
    @Override
    public void write(Parts parts) {
        parts.refuseInputs(6);
        parts.refuseOutputs(3);
        Parts.require(parts.number("softmax_precision", 1) == 1, "its softmax has a precision of its own");
        DType dtype = parts.dtype(0);
        boolean flat = parts.rank(0) == 3;
        long count = flat ? parts.number("q_num_heads", 1) : parts.size(0, 1);
        long kvCount = flat ? parts.number("kv_num_heads", 1) : parts.size(1, 1);
        long width = flat ? parts.size(0, 2) / count : parts.size(0, 3);
        long vWidth = flat ? parts.size(2, 2) / kvCount : parts.size(2, 3);
        Heads heads = new Heads(parts, dtype);
        String q = flat ? heads.divide("q", parts.input(0), count, width) : parts.input(0);
        String k = flat ? heads.divide("k", parts.input(1), kvCount, width) : parts.input(1);
        String v = flat ? heads.divide("v", parts.input(2), kvCount, vWidth) : parts.input(2);
        k = parts.has(4) ? parts.concat("k.all", 2, parts.input(4), k) : k;
        v = parts.has(5) ? parts.concat("v.all", 2, parts.input(5), v) : v;
        MultiHead.present(parts, 1, "k.present", k);
        MultiHead.present(parts, 2, "v.present", v);
        float given = parts.real("scale", 0);
        String scores = heads.scores(
                q,
                heads.repeat("k", k, count / kvCount, count, width),
                given == 0 ? 1 / Math.sqrt((double) width) : given);
        String pattern = heads.pattern(masked(parts, heads, scores, q, k));
        String values = heads.repeat("v", v, count / kvCount, count, vWidth);
        if (flat) {
            heads.mix(pattern, values, parts.output(0));
        } else {
            parts.into(parts.output(0), "mixed", "MatMul", List.of(pattern, values));
        }
    }

    private static String masked(Parts parts, Heads heads, String scores, String q, String k) {
        String x = heads.capped(scores, parts.real("softcap", 0));
        if (parts.has(3)) {
            boolean chooses = parts.dtype(3) == DType.BOOL;
            x = chooses
                    ? heads.only("chosen", x, parts.input(3))
                    : parts.add("biased", "Add", List.of(x, parts.input(3)));
        }
        boolean causal = parts.number("is_causal", 0) == 1;
        return causal
                ? heads.only("masked", x, heads.causal(parts.sizeOf("queries", q, 2), parts.sizeOf("keys", k, 2)))
                : x;
    }
}
