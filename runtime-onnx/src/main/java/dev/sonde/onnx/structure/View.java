package dev.sonde.onnx.structure;

import java.util.List;

/**
 * Invertible steps from an ONNX value to a site's tensor, in order.
 *
 * @param steps empty when the site is the value as it is
 */
public record View(List<Step> steps) {
    /** The value as it is. */
    public static final View IDENTITY = new View(List.of());

    /** Copies its list. */
    public View {
        steps = List.copyOf(steps);
    }

    /** One invertible step. */
    public sealed interface Step {}

    /**
     * Another shape for the same elements; in both shapes 0 keeps the axis at that place and -1 is the rest.
     *
     * @param target shape of the site's tensor
     * @param inverse shape of the value
     */
    public record Reshape(List<Long> target, List<Long> inverse) implements Step {
        /** Copies its lists. */
        public Reshape {
            target = List.copyOf(target);
            inverse = List.copyOf(inverse);
        }
    }

    /**
     * Another order of axes.
     *
     * @param perm axis {@code i} of the site is axis {@code perm.get(i)} of the value
     */
    public record Transpose(List<Integer> perm) implements Step {
        /** Copies its list. */
        public Transpose {
            perm = List.copyOf(perm);
        }
    }

    /**
     * A part of one axis.
     *
     * @param axis which
     * @param start first index
     * @param end index behind the last
     */
    public record SliceAxis(int axis, long start, long end) implements Step {}

    static View of(Step... steps) {
        return new View(List.of(steps));
    }

    /** Splits the last of three axes into heads. */
    static View splitHeads(long heads, long width) {
        return of(new Reshape(List.of(0L, 0L, heads, width), List.of(0L, 0L, -1L)));
    }

    /** Joins the last two of four axes. */
    static View joinHeads(long heads, long width) {
        return of(new Reshape(List.of(0L, 0L, -1L), List.of(0L, 0L, heads, width)));
    }
}
