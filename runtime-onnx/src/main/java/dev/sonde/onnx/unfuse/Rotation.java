package dev.sonde.onnx.unfuse;

import java.util.List;

/** Writes rotary position embeddings. */
final class Rotation {
    private final Parts parts;
    private final boolean interleaved;
    private final long rotated;
    private final long width;

    /**
     * @param rotated how many of each head's numbers are rotated
     * @param width how many there are
     */
    Rotation(Parts parts, boolean interleaved, long rotated, long width) {
        this.parts = parts;
        this.interleaved = interleaved;
        this.rotated = rotated;
        this.width = width;
    }

    /** Returns a table's rows at positions [batch, position] so that they fit [batch, head, position, half]. */
    String rows(String label, String table, String positions) {
        String rows = parts.add(label + ".rows", "Gather", List.of(table, positions), Parts.of("axis", 0));
        return parts.unsqueeze(label, rows, 1);
    }

    /** Rotates [batch, head, position, width] and writes the last step under a name, or one of its own if that is empty. */
    String rotate(String label, String x, String cos, String sin, String output) {
        String turning = rotated == width ? x : parts.slice(label + ".turning", x, 3, 0, rotated);
        String turned = interleaved ? pairs(label, turning, cos, sin) : halves(label, turning, cos, sin);
        if (rotated == width) {
            return output.isEmpty() ? turned : parts.into(output, label + ".out", "Identity", List.of(turned));
        }
        String rest = parts.slice(label + ".rest", x, 3, rotated, width);
        return output.isEmpty()
                ? parts.concat(label + ".rotated", 3, turned, rest)
                : parts.into(output, label + ".rotated", "Concat", List.of(turned, rest), Parts.of("axis", 3));
    }

    private String halves(String label, String x, String cos, String sin) {
        String a = parts.slice(label + ".a", x, 3, 0, rotated / 2);
        String b = parts.slice(label + ".b", x, 3, rotated / 2, rotated);
        return parts.concat(label + ".turned", 3, first(label, a, b, cos, sin), second(label, a, b, cos, sin));
    }

    private String pairs(String label, String x, String cos, String sin) {
        String pairs = parts.add(label + ".pairs", "Reshape", List.of(x, shape(label, x, rotated / 2, 2)));
        String a = parts.squeeze(label + ".a", parts.slice(label + ".a.of", pairs, 4, 0, 1), 4);
        String b = parts.squeeze(label + ".b", parts.slice(label + ".b.of", pairs, 4, 1, 2), 4);
        String joined = parts.concat(
                label + ".joined",
                4,
                parts.unsqueeze(label + ".first.axis", first(label, a, b, cos, sin), 4),
                parts.unsqueeze(label + ".second.axis", second(label, a, b, cos, sin), 4));
        return parts.add(label + ".turned", "Reshape", List.of(joined, shape(label + ".flat", x, rotated)));
    }

    private String shape(String label, String x, long... last) {
        String whole = parts.add(label + ".whole", "Shape", List.of(x));
        return parts.concat(label + ".shape", 0, parts.slice(label + ".lead", whole, 0, 0, 3), parts.ints(last));
    }

    private String first(String label, String a, String b, String cos, String sin) {
        String one = parts.add(label + ".a.cos", "Mul", List.of(a, cos));
        return parts.add(label + ".first", "Sub", List.of(one, parts.add(label + ".b.sin", "Mul", List.of(b, sin))));
    }

    private String second(String label, String a, String b, String cos, String sin) {
        String one = parts.add(label + ".b.cos", "Mul", List.of(b, cos));
        return parts.add(label + ".second", "Add", List.of(one, parts.add(label + ".a.sin", "Mul", List.of(a, sin))));
    }
}
