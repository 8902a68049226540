package dev.sonde.training;

import java.time.Duration;
import java.util.Locale;

/**
 * How far a training has come.
 *
 * @param last the step that was just done
 * @param steps how many there will be
 * @param stepsPerSecond speed of the steps done now
 * @param left estimate of the time left
 */
public record TrainingProgress(TrainingStep last, long steps, double stepsPerSecond, Duration left) {
    /** Returns {@code step 12 of 60, loss 0.7312, 25.3 steps/s, 0:02 left}. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "step %d of %d, loss %.4g, %.3g steps/s, %d:%02d left",
                last.step() + 1,
                steps,
                last.loss(),
                stepsPerSecond,
                left.toMinutes(),
                left.toSecondsPart());
    }
}
