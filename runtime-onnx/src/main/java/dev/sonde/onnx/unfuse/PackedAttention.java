package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** com.microsoft.Attention and QAttention: one projection to queries, keys and values, and what follows. */
final class PackedAttention implements Decomposition {
    private final boolean quantised;

    PackedAttention(boolean quantised) {
        this.quantised = quantised;
    }

    @Override
    public void write(Parts parts) {
        Parts.require(parts.number("do_rotary", 0) == 0, "it rotates queries and keys itself");
        Parts.require(parts.number("past_present_share_buffer", 0) == 0, "past and present share a buffer");
        int mask = quantised ? 5 : 3;
        int past = quantised ? 8 : 4;
        if (!quantised) {
            parts.refuseInputs(6);
        }
        DType dtype = parts.dtype(quantised ? 3 : 0);
        long count = parts.number("num_heads", 1);
        List<Long> widths = widths(parts);
        long width = widths.get(0) / count;
        Heads heads = new Heads(parts, dtype);
        List<String> qkv = parts.split("qkv", projected(parts, dtype), 2, widths);
        String q = heads.divide("q", qkv.get(0), count, width);
        String k = heads.divide("k", qkv.get(1), count, width);
        String v = heads.divide("v", qkv.get(2), count, widths.get(2) / count);
        if (parts.has(past)) {
            k = parts.concat("k.all", 2, half(parts, "past.k", past, 0), k);
            v = parts.concat("v.all", 2, half(parts, "past.v", past, 1), v);
        }
        if (parts.gives(1)) {
            parts.into(
                    parts.output(1),
                    "present",
                    "Concat",
                    List.of(parts.unsqueeze("present.k", k, 0), parts.unsqueeze("present.v", v, 0)),
                    Parts.of("axis", 0));
        }
        float given = parts.real("scale", 0);
        String scores = heads.scores(q, k, given == 0 ? 1 / Math.sqrt((double) width) : given);
        scores = masked(parts, heads, scores, q, k, mask);
        heads.mix(heads.pattern(scores), v, parts.output(0));
    }

    private String masked(Parts parts, Heads heads, String scores, String q, String k, int mask) {
        String x = scores;
        String keys = parts.sizeOf("keys", k, 2);
        if (!quantised && parts.has(5)) {
            x = parts.add("biased", "Add", List.of(x, parts.input(5)));
        }
        x = new Masks(parts, heads).padded(x, mask, keys, parts.sizeOf("rows", q, 0));
        boolean causal = parts.number("unidirectional", 0) == 1;
        return causal ? heads.only("masked", x, heads.causal(parts.sizeOf("queries", q, 2), keys)) : x;
    }

    private List<Long> widths(Parts parts) {
        List<Long> widths = parts.numbers("qkv_hidden_sizes");
        long all = parts.size(1, 1);
        return widths.size() == 3 ? widths : List.of(all / 3, all / 3, all / 3);
    }

    private String projected(Parts parts, DType dtype) {
        if (!quantised) {
            String product = parts.add("qkv.product", "MatMul", List.of(parts.input(0), parts.input(1)));
            return parts.has(2) ? parts.add("qkv", "Add", List.of(product, parts.input(2))) : product;
        }
        String whole = parts.add(
                "qkv.whole", "MatMulInteger", List.of(parts.input(0), parts.input(1), parts.input(6), parts.input(7)));
        String scale = parts.add("qkv.scale", "Mul", List.of(parts.input(3), parts.input(4)));
        String product = parts.add("qkv.product", "Mul", List.of(parts.cast("qkv.real", whole, dtype), scale));
        return parts.add("qkv", "Add", List.of(product, parts.input(2)));
    }

    private static String half(Parts parts, String label, int past, long index) {
        String one = parts.slice(label + ".half", parts.input(past), 0, index, index + 1);
        return parts.squeeze(label, one, 0);
    }
}
