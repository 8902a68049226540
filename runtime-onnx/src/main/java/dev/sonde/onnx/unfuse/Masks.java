package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** The padding masks of com.microsoft's attention operators, in their several forms. */
final class Masks {
    private final Parts parts;
    private final Heads heads;

    Masks(Parts parts, Heads heads) {
        this.parts = parts;
        this.heads = heads;
    }

    /**
     * Adds what a mask adds to the scores.
     *
     * @param input place of the mask: lengths [batch], ends and starts [2 * batch], or zeros and ones [batch, key] and
     *     [batch, query, key]
     * @param keys number of keys, a list of one
     * @param batch number of rows, a list of one
     */
    String padded(String scores, int input, String keys, String batch) {
        if (!parts.has(input)) {
            return scores;
        }
        double value = parts.real("mask_filter_value", -10000f);
        return switch (parts.rank(input)) {
            case 1 -> heads.plus("padded", scores, within(input, keys, batch), value);
            case 2 -> heads.plus("padded", scores, ones(input, 1, 2), value);
            case 3 -> heads.plus("padded", scores, ones(input, 1), value);
            default -> throw new Decomposition.Closed("its mask has " + parts.rank(input) + " axes");
        };
    }

    private String ones(int input, long... axes) {
        String mask = parts.unsqueeze("mask.axes", parts.input(input), axes);
        return parts.cast("mask", mask, DType.BOOL);
    }

    /** Rows end at the first numbers and start at the next, if there are so many. */
    private String within(int input, String keys, String batch) {
        String ends = parts.cast("ends", parts.input(input), DType.INT64);
        String index = parts.unsqueeze("key.index", parts.range("key.all", keys), 0);
        // with lengths alone this takes the ends twice, and a start is made 0 by taking it from itself
        String end = parts.unsqueeze("end", parts.slice("end.of", ends, 0, parts.ints(0), batch), 1);
        String total = parts.sizeOf("numbers", ends, 0);
        String first = parts.add("first", "Sub", List.of(total, batch));
        String last = parts.slice("start.of", ends, 0, first, parts.ints(Long.MAX_VALUE));
        String both = parts.cast("starts", parts.add("starts.there", "Greater", List.of(total, batch)), DType.INT64);
        String start = parts.unsqueeze("start", parts.add("start.or", "Mul", List.of(last, both)), 1);
        String before = parts.add("before.end", "Less", List.of(index, end));
        String early = parts.add("before.start", "Less", List.of(index, start));
        String inside = parts.add("within", "And", List.of(before, parts.add("started", "Not", List.of(early))));
        return parts.unsqueeze("within.axes", inside, 1, 2);
    }
}
