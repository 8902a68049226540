package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** RotaryEmbedding of com.microsoft, and of ai.onnx from operator set 23 on. */
final class RotaryEmbeddings implements Decomposition {
    @Override
    public void write(Parts parts) {
        boolean standard = !parts.domain().equals(Parts.CONTRIB);
        int positions = standard ? 3 : 1;
        int table = standard ? 1 : 2;
        Parts.require(parts.number("is_packed_batching", 0) == 0, "its rows are packed");
        Parts.require(parts.real("scale", 1) == 1, "it scales what it rotates");
        Parts.require(parts.has(positions), "its tables have a row for each token");
        boolean flat = parts.rank(0) == 3;
        long count = parts.number("num_heads", 0);
        long rotated = parts.number("rotary_embedding_dim", 0);
        rotated = rotated > 0 ? rotated : 2 * parts.size(table, 1);
        Parts.require(!flat || count > 0 || rotated > 0, "it does not say how many heads there are");
        long width = flat ? parts.size(0, 2) / (count > 0 ? count : parts.size(0, 2) / rotated) : parts.size(0, 3);
        Heads heads = new Heads(parts, parts.dtype(0));
        String x = flat ? heads.divide("x", parts.input(0), parts.size(0, 2) / width, width) : parts.input(0);
        Rotation rotation = new Rotation(parts, parts.number("interleaved", 0) == 1, rotated, width);
        String at = at(parts, positions, x);
        String cos = rotation.rows("cos", parts.input(table), at);
        String sin = rotation.rows("sin", parts.input(table + 1), at);
        String turned = rotation.rotate("x", x, cos, sin, flat ? "" : parts.output(0));
        if (flat) {
            String back = parts.transpose("x.back", turned, 0, 2, 1, 3);
            parts.into(parts.output(0), "x.joined", "Reshape", List.of(back, parts.ints(0, 0, -1)));
        }
    }

    /** Positions of [batch, position]; one number alone is where the first token lies. */
    private static String at(Parts parts, int positions, String x) {
        if (parts.rank(positions) == 2) {
            return parts.input(positions);
        }
        String first = parts.cast("first", parts.input(positions), DType.INT64);
        String index = parts.range("index", parts.sizeOf("length", x, 2));
        return parts.unsqueeze("at", parts.add("at.flat", "Add", List.of(index, first)), 0);
    }
}
