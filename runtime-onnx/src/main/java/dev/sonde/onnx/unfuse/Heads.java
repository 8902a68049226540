package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** Writes what all kinds of attention have in common: scores, pattern, and the values mixed by it. */
final class Heads {
    private final Parts parts;
    private final DType dtype;

    Heads(Parts parts, DType dtype) {
        this.parts = parts;
        this.dtype = dtype;
    }

    /** Returns [batch, position, heads * width] as [batch, head, position, width]. */
    String divide(String label, String value, long heads, long width) {
        String divided = parts.reshape(label + ".heads", value, 0, 0, heads, width);
        return parts.transpose(label, divided, 0, 2, 1, 3);
    }

    /** Returns kv heads as often as query heads read them. */
    String repeat(String label, String value, long times, long heads, long width) {
        if (times == 1) {
            return value;
        }
        String axis = parts.unsqueeze(label + ".axis", value, 2);
        String copies = parts.add(label + ".copies", "Expand", List.of(axis, parts.ints(1, 1, times, 1, 1)));
        return parts.reshape(label + ".repeated", copies, 0, heads, -1, width);
    }

    /** Returns the scaled products of queries and keys: [batch, head, query, key]. */
    String scores(String q, String k, double scale) {
        String product = parts.add("product", "MatMul", List.of(q, parts.transpose("k.turned", k, 0, 1, 3, 2)));
        return parts.add("scaled", "Mul", List.of(product, parts.scalar(scale, dtype)));
    }

    /** Bends scores so that none is larger than the cap. */
    String capped(String scores, double cap) {
        if (cap <= 0) {
            return scores;
        }
        String number = parts.scalar(cap, dtype);
        String bent = parts.add("bent", "Tanh", List.of(parts.add("by.cap", "Div", List.of(scores, number))));
        return parts.add("capped", "Mul", List.of(bent, number));
    }

    /** Gives scores that are not allowed a value, and leaves the others. */
    String only(String label, String scores, String allowed) {
        if (dtype == DType.FLOAT32 || dtype == DType.FLOAT64) {
            return parts.add(label, "Where", List.of(allowed, scores, parts.lowest(dtype)));
        }
        return plus(label, scores, allowed, -65504);
    }

    /** Adds a value to the scores that are not allowed. */
    String plus(String label, String scores, String allowed, double value) {
        String added = parts.add(
                label + ".added",
                "Where",
                List.of(allowed, parts.scalar(0, DType.FLOAT32), parts.scalar(value, DType.FLOAT32)));
        String fitting = dtype == DType.FLOAT32 ? added : parts.cast(label + ".fitting", added, dtype);
        return parts.add(label, "Add", List.of(scores, fitting));
    }

    String pattern(String scores) {
        return parts.add("pattern", "Softmax", List.of(scores), Parts.of("axis", parts.opset() < 13 ? 3 : -1));
    }

    /** Mixes the values and returns them as [batch, position, heads * width]. */
    void mix(String pattern, String v, String output) {
        String mixed = parts.add("mixed", "MatMul", List.of(pattern, v));
        parts.into(
                output, "z.joined", "Reshape", List.of(parts.transpose("z", mixed, 0, 2, 1, 3), parts.ints(0, 0, -1)));
    }

    /** Which keys lie at or before each query: [1, 1, query, key], with the queries behind the past. */
    String causal(String queries, String keys) {
        String first = parts.add("past", "Sub", List.of(keys, queries));
        String at = parts.add("query.at", "Add", List.of(parts.range("query", queries), first));
        return notAfter(parts.unsqueeze("query.axes", at, 0, 1, 3), keys);
    }

    /** Which keys have an index of at most a number: a list of axes [.., .., .., 1] becomes [.., .., .., key]. */
    String notAfter(String last, String keys) {
        String index = parts.unsqueeze("key.axes", parts.range("key", keys), 0, 1, 2);
        return parts.add("not.after", "Not", List.of(parts.add("after", "Greater", List.of(index, last))));
    }
}
