package dev.sonde.onnx.grad;

import dev.sonde.DType;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Quantised operators, with respect to activations. Rounding is passed straight through (Bengio et al. 2013), as quantisation
 * aware training does; weights that are stored in few bits have no gradient.
 */
final class QuantisedRules {
    private QuantisedRules() {}

    static void add(Map<String, Rule> table) {
        table.put("QuantizeLinear", Rule.first(QuantisedRules::quantize));
        table.put("DequantizeLinear", Rule.first(QuantisedRules::dequantize));
        table.put("com.microsoft:QuantizeLinear", Rule.first(QuantisedRules::quantize));
        table.put("com.microsoft:DequantizeLinear", Rule.first(QuantisedRules::dequantize));
        table.put(
                "DynamicQuantizeLinear",
                Rule.first(v -> v.give(0, v.ops().div(v.g(), v.node().getOutput(1)))));
        table.put("MatMulInteger", Rule.first(QuantisedRules::matmulInteger));
        table.put("com.microsoft:MatMulNBits", Rule.first(QuantisedRules::matmulBits));
    }

    /** Returns the scale in a form that goes with the value: one number, or one for each index of an axis. */
    private static String scale(Visit v, String like) {
        Ops o = v.ops();
        int rank = o.rank(like);
        if (o.rank(v.in(1)) == 0 || rank == 1) {
            return v.in(1);
        }
        if (o.rank(v.in(1)) > 1) {
            throw v.refuse("it has a scale for each block");
        }
        long axis = v.axis(1);
        return o.unsqueeze(v.in(1), LongStream.range(1, rank - axis).boxed().toList());
    }

    private static void dequantize(Visit v) {
        v.give(0, v.ops().mul(v.g(), scale(v, v.y())));
    }

    private static void quantize(Visit v) {
        Ops o = v.ops();
        String scale = scale(v, v.x());
        DType type = v.has(2) ? o.dtype(v.in(2)) : DType.UINT8;
        double low = type == DType.INT8 ? -128 : type == DType.INT16 ? -32768 : 0;
        double high = type == DType.INT8 ? 127 : type == DType.INT16 ? 32767 : 255;
        String steps = o.div(v.x(), scale);
        if (v.has(2)) {
            String zero = o.cast(v.in(2), o.dtype(v.x()));
            int rank = o.rank(v.x());
            steps = o.add(
                    steps,
                    o.rank(v.in(2)) == 0 || rank == 1
                            ? zero
                            : o.unsqueeze(
                                    zero,
                                    LongStream.range(1, rank - v.axis(1))
                                            .boxed()
                                            .toList()));
        }
        String inside = o.node(
                "And",
                List.of(o.not(o.less(steps, o.scalar(v.x(), low))), o.not(o.greater(steps, o.scalar(v.x(), high)))));
        v.give(0, o.masked(inside, o.div(v.g(), scale)));
    }

    private static void matmulInteger(Visit v) {
        Ops o = v.ops();
        String weights = o.node("Cast", List.of(v.in(1)), Attrs.of("to", 1L));
        if (v.has(3)) {
            weights = o.sub(weights, o.node("Cast", List.of(v.in(3)), Attrs.of("to", 1L)));
        }
        v.give(0, o.productTurned(v.g(), weights));
    }

    /** Unpacks the weights, {@code [N, K]} in blocks along K, and multiplies with them as they are. */
    private static void matmulBits(Visit v) {
        Ops o = v.ops();
        long bits = Attrs.whole(v.node(), "bits", 4);
        long k = Attrs.whole(v.node(), "K", 0);
        long n = Attrs.whole(v.node(), "N", 0);
        long block = Attrs.whole(v.node(), "block_size", 32);
        if ((bits != 4 && bits != 8) || v.has(4)) {
            throw v.refuse("its weights are packed in " + bits + " bits" + (v.has(4) ? " in another order" : ""));
        }
        long blocks = (k + block - 1) / block;
        String q = o.reshape(unpacked(o, v.in(2), v.in(1), bits), n, blocks, block);
        String zero = o.scalar(v.in(2), (double) (1L << (bits - 1)));
        if (v.has(3)) {
            zero = zeroPoints(v, bits, n, blocks);
        }
        String scaled = o.mul(o.sub(q, zero), o.reshape(v.in(2), n, blocks, 1));
        String weights = o.slice(o.reshape(scaled, n, blocks * block), 1, 0, k);
        v.give(0, o.node("MatMul", List.of(v.g(), weights)));
    }

    private static String zeroPoints(Visit v, long bits, long n, long blocks) {
        Ops o = v.ops();
        if (o.dtype(v.in(3)).isFloat()) {
            return o.reshape(v.in(3), n, blocks, 1);
        }
        String rows = o.reshape(unpacked(o, v.in(2), v.in(3), bits), n, -1);
        return o.reshape(o.slice(rows, 1, 0, blocks), n, blocks, 1);
    }

    /** Returns packed whole numbers as floats, the low half of each byte first. */
    private static String unpacked(Ops o, String like, String packed, long bits) {
        String bytes = o.cast(o.reshape(packed, -1), o.dtype(like));
        if (bits == 8) {
            return bytes;
        }
        String high = o.one("Floor", o.times(bytes, 1.0 / 16));
        String low = o.sub(bytes, o.times(high, 16));
        return o.reshape(o.concat(List.of(o.unsqueeze(low, List.of(1L)), o.unsqueeze(high, List.of(1L))), 1), -1);
    }
}
