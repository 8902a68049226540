package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** com.microsoft.MultiHeadAttention: queries, keys and values come from outside, with or without a bias and a past. */
final class MultiHead implements Decomposition {
    @Override
    public void write(Parts parts) {
        parts.refuseInputs(8, 9);
        parts.refuseOutputs(3);
        Parts.require(parts.has(1) && parts.has(2), "its queries, keys and values are packed in one input");
        Parts.require(
                parts.rank(0) == 3 && parts.rank(1) == parts.rank(2), "its keys and values are packed in one input");
        DType dtype = parts.dtype(0);
        long count = parts.number("num_heads", 1);
        long width = parts.size(0, 2) / count;
        Heads heads = new Heads(parts, dtype);
        String q = heads.divide("q", biased(parts, "q", 0, 0), count, width);
        String k = keys(parts, heads, "k", 1, parts.size(0, 2));
        String v = keys(parts, heads, "v", 2, 2 * parts.size(0, 2));
        k = parts.has(6) ? parts.concat("k.all", 2, parts.input(6), k) : k;
        v = parts.has(7) ? parts.concat("v.all", 2, parts.input(7), v) : v;
        present(parts, 1, "k.present", k);
        present(parts, 2, "v.present", v);
        float given = parts.real("scale", 0);
        String scores = heads.scores(q, k, given == 0 ? 1 / Math.sqrt((double) width) : given);
        heads.mix(heads.pattern(masked(parts, heads, scores, q, k)), v, parts.output(0));
    }

    private static String masked(Parts parts, Heads heads, String scores, String q, String k) {
        String x = scores;
        String keys = parts.sizeOf("keys", k, 2);
        if (parts.has(5)) {
            x = parts.add("biased", "Add", List.of(x, parts.input(5)));
        }
        x = new Masks(parts, heads).padded(x, 4, keys, parts.sizeOf("rows", q, 0));
        boolean causal = parts.number("unidirectional", 0) == 1;
        return causal ? heads.only("masked", x, heads.causal(parts.sizeOf("queries", q, 2), keys)) : x;
    }

    private static String keys(Parts parts, Heads heads, String label, int input, long biasFrom) {
        if (parts.rank(input) == 4) {
            return parts.input(input); // [batch, head, position, width] already
        }
        Parts.require(parts.rank(input) == 3, "its keys and values are packed in one input");
        long count = parts.number("num_heads", 1);
        return heads.divide(label, biased(parts, label, input, biasFrom), count, parts.size(input, 2) / count);
    }

    private static String biased(Parts parts, String label, int input, long from) {
        if (!parts.has(3)) {
            return parts.input(input);
        }
        String bias = parts.slice(label + ".bias", parts.input(3), 0, from, from + parts.size(input, 2));
        return parts.add(label + ".biased", "Add", List.of(parts.input(input), bias));
    }

    static void present(Parts parts, int output, String label, String value) {
        if (parts.gives(output)) {
            parts.into(parts.output(output), label, "Identity", List.of(value));
        }
    }
}
