package demo;

import dev.sonde.Tensor;
import dev.sonde.spi.Results;
import java.util.Objects;
import javax.annotation.processing.Generated;

/**
 * What {@link Trial} found.
 *
 * @param x as {@code Trial.Found} saved it
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
record TrialResult(Tensor x) {
    static TrialResult of(Results results) {
        return new TrialResult(
                Objects.requireNonNull(results.saved().get("x"), "x"));
    }
}
