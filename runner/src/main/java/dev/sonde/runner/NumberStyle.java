package dev.sonde.runner;

import java.util.Arrays;
import java.util.Locale;

/** How the numbers of one table or picture are written: all with the same number of decimals, so that they compare. */
final class NumberStyle {
    private final String pattern;

    private NumberStyle(String pattern) {
        this.pattern = pattern;
    }

    /** Returns a style that shows the largest of {@code values} with {@code digits} significant digits. */
    static NumberStyle of(double[] values, int digits) {
        double largest = 0;
        boolean whole = true;
        for (double value : values) {
            if (Double.isFinite(value)) {
                largest = Math.max(largest, Math.abs(value));
                whole &= value == Math.rint(value);
            }
        }
        if (whole && largest < 1e9) {
            return new NumberStyle("%.0f");
        }
        if (largest >= 1e6 || largest < 1e-3) {
            return new NumberStyle("%." + (digits - 1) + "e");
        }
        int before = (int) Math.floor(Math.log10(largest)) + 1;
        return new NumberStyle("%." + Math.max(0, digits - before) + "f");
    }

    static NumberStyle of(double[][] values, int digits) {
        return of(Arrays.stream(values).flatMapToDouble(Arrays::stream).toArray(), digits);
    }

    String format(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        String text = String.format(Locale.ROOT, pattern, value);
        boolean zero = text.startsWith("-") && text.chars().noneMatch(c -> c >= '1' && c <= '9');
        return zero ? text.substring(1) : text;
    }
}
