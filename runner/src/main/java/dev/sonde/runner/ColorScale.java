package dev.sonde.runner;

import java.awt.Color;
import java.util.Locale;

/** Maps numbers to colours. */
final class ColorScale {
    /** Nothing was measured. */
    static final Color MISSING = new Color(0xc8c8c8);

    // ColorBrewer RdBu (reversed) and Blues, by Cynthia Brewer and Mark Harrower, Apache License 2.0.
    private static final int[] DIVERGING = {
        0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f
    };
    private static final int[] SEQUENTIAL = {
        0xf7fbff, 0xdeebf7, 0xc6dbef, 0x9ecae1, 0x6baed6, 0x4292c6, 0x2171b5, 0x08519c, 0x08306b
    };

    private final double low;
    private final double high;
    private final int[] stops;

    private ColorScale(double low, double high, int[] stops) {
        this.low = low;
        this.high = high;
        this.stops = stops;
    }

    /** Returns blue for negative and red for positive numbers, with zero in the middle. */
    static ColorScale diverging(double[][] values) {
        double largest = 0;
        for (double[] row : values) {
            for (double value : row) {
                largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
            }
        }
        largest = largest == 0 ? 1 : largest;
        return new ColorScale(-largest, largest, DIVERGING);
    }

    /** Returns light for the smallest and dark for the largest number. */
    static ColorScale sequential(double[][] values) {
        double low = Double.POSITIVE_INFINITY;
        double high = Double.NEGATIVE_INFINITY;
        for (double[] row : values) {
            for (double value : row) {
                low = Double.isFinite(value) ? Math.min(low, value) : low;
                high = Double.isFinite(value) ? Math.max(high, value) : high;
            }
        }
        if (low > high) {
            return new ColorScale(0, 1, SEQUENTIAL);
        }
        return sequential(low, high);
    }

    static ColorScale sequential(double low, double high) {
        return new ColorScale(low, high > low ? high : low + 1, SEQUENTIAL);
    }

    double low() {
        return low;
    }

    double high() {
        return high;
    }

    /** Returns the colour of {@code value}; numbers outside the scale have that of its end. */
    Color color(double value) {
        if (Double.isNaN(value)) {
            return MISSING;
        }
        double at = Math.min(1, Math.max(0, (value - low) / (high - low))) * (stops.length - 1);
        int below = Math.min((int) at, stops.length - 2);
        double share = at - below;
        Color from = new Color(stops[below]);
        Color to = new Color(stops[below + 1]);
        return new Color(
                mix(from.getRed(), to.getRed(), share),
                mix(from.getGreen(), to.getGreen(), share),
                mix(from.getBlue(), to.getBlue(), share));
    }

    private static int mix(int from, int to, double share) {
        return (int) Math.round(from + (to - from) * share);
    }

    /** Returns black or white, whichever is read more easily on {@code background}. */
    static Color ink(Color background) {
        double light = linear(background.getRed()) * 0.2126
                + linear(background.getGreen()) * 0.7152
                + linear(background.getBlue()) * 0.0722;
        return light > 0.2 ? new Color(0x1a1a1a) : Color.WHITE;
    }

    private static double linear(int channel) {
        return Math.pow(channel / 255.0, 2.2);
    }

    static String css(Color color) {
        return String.format(Locale.ROOT, "#%06x", color.getRGB() & 0xffffff);
    }
}
