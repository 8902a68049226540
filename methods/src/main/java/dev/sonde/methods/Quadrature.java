package dev.sonde.methods;

import java.util.Arrays;
import java.util.List;

/**
 * Points between 0 and 1, and what a function's values there weigh in its integral.
 *
 * @param points rising
 * @param weights one for each
 */
record Quadrature(List<Double> points, List<Double> weights) {
    private static final int NEWTON_STEPS = 50;

    /** Returns the points that are exact for polynomials of degree below {@code 2 * count}. */
    static Quadrature gaussLegendre(int count) {
        if (count < 1) {
            throw new IllegalArgumentException("Expected 1 step or more but was " + count);
        }
        double[] points = new double[count];
        double[] weights = new double[count];
        for (int i = 0; i < count; i++) {
            double x = -Math.cos(Math.PI * (i + 0.75) / (count + 0.5));
            double slope = 0;
            for (int step = 0; step < NEWTON_STEPS; step++) {
                double[] p = legendre(count, x);
                slope = count * (x * p[1] - p[0]) / (x * x - 1);
                x -= p[1] / slope;
            }
            points[i] = (1 + x) / 2;
            weights[i] = 1 / ((1 - x * x) * slope * slope);
        }
        return new Quadrature(
                Arrays.stream(points).boxed().toList(),
                Arrays.stream(weights).boxed().toList());
    }

    /** Returns the polynomials of degrees {@code count - 1} and {@code count}. */
    private static double[] legendre(int count, double x) {
        double before = 1;
        double now = x;
        for (int n = 2; n <= count; n++) {
            double next = ((2 * n - 1) * x * now - (n - 1) * before) / n;
            before = now;
            now = next;
        }
        return new double[] {before, now};
    }
}
