package dev.sonde.cli.conformance;

import dev.sonde.Tensor;
import java.util.Arrays;
import java.util.Locale;

/**
 * How far a tensor is from the expected one.
 *
 * @param ok whether it is as near as it must be
 * @param error largest absolute difference, 0 where it could not be taken
 * @param problem what is wrong and where, {@code ""} if nothing is
 */
record Comparison(boolean ok, double error, String problem) {
    static Comparison of(Tensor got, Tensor expected, Tolerance tolerance) {
        if (!Arrays.equals(got.shape(), expected.shape())) {
            return wrong(
                    0, "has shape " + Arrays.toString(got.shape()) + ", expected " + Arrays.toString(expected.shape()));
        }
        if (got.dtype().isFloat() != expected.dtype().isFloat()) {
            return wrong(0, "is " + got.dtype() + ", expected " + expected.dtype());
        }
        double[] have = got.toDoubles();
        double[] want = expected.toDoubles();
        double largest = 0;
        double worst = 0;
        int at = 0;
        for (int i = 0; i < want.length; i++) {
            largest = Math.max(largest, Math.abs(want[i]));
            double error = Math.abs(have[i] - want[i]);
            // A NaN is the worst of all; it is kept because no comparison with it holds.
            if (!(error <= worst) && !Double.isNaN(worst)) {
                worst = error;
                at = i;
            }
        }
        double allowed = expected.dtype().isFloat() ? tolerance.allowed(largest) : 0;
        if (worst <= allowed) {
            return new Comparison(true, worst, "");
        }
        return wrong(
                worst,
                String.format(
                        Locale.ROOT,
                        "is off by %.3g at %s: %.6g, expected %.6g, allowed %.3g",
                        worst,
                        Arrays.toString(index(at, expected.shape())),
                        have[at],
                        want[at],
                        allowed));
    }

    private static Comparison wrong(double error, String problem) {
        return new Comparison(false, error, problem);
    }

    private static long[] index(int flat, long[] shape) {
        long[] index = new long[shape.length];
        long rest = flat;
        for (int i = shape.length - 1; i >= 0; i--) {
            index[i] = rest % shape[i];
            rest /= shape[i];
        }
        return index;
    }
}
