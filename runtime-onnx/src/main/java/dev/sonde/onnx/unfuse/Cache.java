package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** Puts new keys and values behind the past ones, in each row at the end of its own past. */
final class Cache {
    private final Parts parts;
    private final String past;
    private final String added;
    private final long heads;
    private final long width;
    private final DType dtype;

    /**
     * @param past how much of the past each row has: [batch]
     * @param added how many positions are new, a list of one
     */
    Cache(Parts parts, String past, String added, long heads, long width, DType dtype) {
        this.parts = parts;
        this.past = past;
        this.added = added;
        this.heads = heads;
        this.width = width;
        this.dtype = dtype;
    }

    String append(String label, String before, String value) {
        String size = parts.sizeOf(label + ".past.size", before, 2);
        String total =
                parts.reshape(label + ".total.flat", parts.cast(label + ".total", parts.input(6), DType.INT64), -1);
        String longer = parts.add(label + ".longer", "Less", List.of(total, size));
        String length = parts.add(label + ".length", "Where", List.of(longer, size, total));
        String index = parts.unsqueeze(label + ".index.axis", parts.range(label + ".index", length), 0);
        String behind = parts.add(label + ".behind", "Sub", List.of(index, parts.unsqueeze(label + ".past", past, 1)));
        String from = parts.add(
                label + ".from",
                "Where",
                List.of(
                        parts.add(label + ".old", "Less", List.of(behind, parts.ints(0))),
                        index,
                        parts.add(label + ".new", "Add", List.of(behind, size))));
        String all = parts.concat(label + ".both", 2, before, value);
        String taken = parts.add(
                label + ".taken",
                "GatherElements",
                List.of(all, everywhere(label, within(label, from, parts.sizeOf(label + ".both.size", all, 2)))),
                Parts.of("axis", 2));
        String filled =
                parts.unsqueeze(label + ".filled", parts.add(label + ".there", "Less", List.of(behind, added)), 1, 3);
        return parts.add(label + ".all", "Mul", List.of(taken, parts.cast(label + ".kept", filled, dtype)));
    }

    private String within(String label, String from, String size) {
        String inside = parts.add(label + ".inside", "Less", List.of(from, size));
        return parts.add(label + ".within", "Where", List.of(inside, from, parts.ints(0)));
    }

    private String everywhere(String label, String index) {
        String axes = parts.unsqueeze(label + ".from.axes", index, 1, 3);
        return parts.add(label + ".everywhere", "Expand", List.of(axes, parts.ints(1, heads, 1, width)));
    }
}
