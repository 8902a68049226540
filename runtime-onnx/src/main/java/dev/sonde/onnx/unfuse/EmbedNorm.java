package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** EmbedLayerNormalization: the sum of two or three tables' rows, and a norm. */
final class EmbedNorm implements Decomposition {
    @Override
    public void write(Parts parts) {
        Parts.require(parts.number("mask_index_type", 0) <= 1, "its mask index is of a kind that is not known here");
        String words = parts.add("words", "Gather", List.of(parts.input(2), parts.input(0)), Parts.of("axis", 0));
        String positions =
                parts.add("positions", "Gather", List.of(parts.input(3), positionIds(parts)), Parts.of("axis", 0));
        String sum = parts.add("sum", "Add", List.of(words, positions));
        if (parts.has(1) && parts.has(4)) {
            String types = parts.add("types", "Gather", List.of(parts.input(4), parts.input(1)), Parts.of("axis", 0));
            sum = parts.add("sum.types", "Add", List.of(sum, types));
        }
        if (parts.gives(2)) {
            parts.into(parts.output(2), "embedding", "Identity", List.of(sum));
        }
        parts.into(
                parts.output(0),
                "norm",
                "LayerNormalization",
                List.of(sum, parts.input(5), parts.input(6)),
                Parts.of("axis", -1),
                Parts.of("epsilon", parts.real("epsilon", 1e-12f)));
        maskIndex(parts);
    }

    private static String positionIds(Parts parts) {
        if (parts.has(8)) {
            return parts.input(8);
        }
        String length = parts.sizeOf("length", parts.input(0), 1);
        return parts.unsqueeze("ids", parts.range("index", length), 0);
    }

    /** The number of tokens in each row, or 0 where there is no mask. */
    private static void maskIndex(Parts parts) {
        if (!parts.gives(1)) {
            return;
        }
        boolean masked = parts.has(7);
        String mask = parts.cast("mask", parts.input(masked ? 7 : 0), DType.INT32);
        String counted = masked ? mask : parts.add("no.mask", "Sub", List.of(mask, mask));
        String count = parts.sum("count", counted, 1);
        parts.into(parts.output(1), "mask.index", "Identity", List.of(count));
    }
}
