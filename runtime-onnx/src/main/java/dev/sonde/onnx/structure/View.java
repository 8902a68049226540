package dev.sonde.onnx.structure;

import dev.sonde.manifest.Size;
import java.util.ArrayList;
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

    /** Returns this view and the steps of another behind it. */
    View then(View more) {
        List<Step> all = new ArrayList<>(steps);
        all.addAll(more.steps);
        return new View(all);
    }

    /** Returns the sizes that the site shows of a value of these sizes. */
    List<Size> sizes(List<Size> value) {
        List<Size> now = value;
        for (Step step : steps) {
            now = sizes(now, step);
        }
        return now;
    }

    private static List<Size> sizes(List<Size> before, Step step) {
        if (step instanceof Transpose transpose) {
            return transpose.perm().stream().map(before::get).toList();
        }
        if (step instanceof SliceAxis slice) {
            List<Size> sliced = new ArrayList<>(before);
            sliced.set(slice.axis(), Size.of(slice.end() - slice.start()));
            return sliced;
        }
        return reshaped(before, ((Reshape) step).target());
    }

    private static List<Size> reshaped(List<Size> before, List<Long> target) {
        List<Size> rest = new ArrayList<>(before);
        long fixed = 1;
        for (int i = 0; i < target.size(); i++) {
            if (target.get(i) == 0) {
                rest.remove(before.get(i));
            } else if (target.get(i) > 0) {
                fixed *= target.get(i);
            }
        }
        List<Size> after = new ArrayList<>();
        for (int i = 0; i < target.size(); i++) {
            long size = target.get(i);
            after.add(size == 0 ? before.get(i) : size > 0 ? Size.of(size) : quotient(rest, fixed));
        }
        return after;
    }

    /** The product of the sizes, divided; unknown unless it is one product. */
    private static Size quotient(List<Size> sizes, long divisor) {
        long factor = 1;
        List<String> symbols = new ArrayList<>();
        for (Size size : sizes) {
            if (size.terms().size() != 1) {
                return Size.UNKNOWN;
            }
            factor *= size.terms().get(0).factor();
            symbols.addAll(size.terms().get(0).symbols());
        }
        boolean whole = divisor > 0 && factor % divisor == 0;
        return whole ? new Size(List.of(new Size.Term(factor / divisor, symbols))) : Size.UNKNOWN;
    }

    static View of(Step... steps) {
        return new View(List.of(steps));
    }

    /** Splits the last of three axes into heads. */
    static View splitHeads(long heads, long width) {
        return of(new Reshape(List.of(0L, 0L, heads, width), List.of(0L, 0L, -1L)));
    }

    /** Splits the first of three axes, which holds rows and heads, so that there are four. */
    static View splitRows(long heads) {
        return of(
                new Transpose(List.of(1, 2, 0)),
                new Reshape(List.of(0L, 0L, -1L, heads), List.of(0L, 0L, -1L)),
                new Transpose(List.of(2, 3, 0, 1)));
    }

    /** Joins the last two of four axes. */
    static View joinHeads(long heads, long width) {
        return of(new Reshape(List.of(0L, 0L, -1L), List.of(0L, 0L, heads, width)));
    }
}
