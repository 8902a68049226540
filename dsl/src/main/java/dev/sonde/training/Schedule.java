package dev.sonde.training;

/** What the learning rate is multiplied by at each step. */
@FunctionalInterface
public interface Schedule {
    /** The same learning rate at all steps. */
    Schedule CONSTANT = step -> 1;

    /** Returns the factor of a step, counted from 0. */
    double factor(long step);

    /** Returns a rise from 0 over {@code warmup} steps, and a straight fall to 0 at step {@code total}. */
    static Schedule linear(long warmup, long total) {
        return step -> step < warmup ? step / (double) warmup : 1 - share(step, warmup, total);
    }

    /**
     * Returns a rise from 0 over {@code warmup} steps, and half a cosine down to 0 at step {@code total} (Loshchilov and Hutter,
     * "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, without restarts).
     */
    static Schedule cosine(long warmup, long total) {
        return step ->
                step < warmup ? step / (double) warmup : 0.5 * (1 + Math.cos(Math.PI * share(step, warmup, total)));
    }

    /** Returns a factor that is multiplied by {@code gamma} every {@code steps} steps. */
    static Schedule stepwise(long steps, double gamma) {
        return step -> Math.pow(gamma, (double) Math.floorDiv(step, steps));
    }

    private static double share(long step, long warmup, long total) {
        return Math.min(1, (step - warmup) / (double) Math.max(1, total - warmup));
    }
}
