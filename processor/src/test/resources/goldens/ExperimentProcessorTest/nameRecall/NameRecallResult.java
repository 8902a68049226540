package demo;

import dev.sonde.Tensor;
import dev.sonde.spi.Results;
import java.util.Objects;
import javax.annotation.processing.Generated;

/**
 * What {@link NameRecall} found.
 *
 * @param recovered as {@code NameRecall.Found} saved it
 * @param strengths as {@code NameRecall.Found} saved it
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
record NameRecallResult(Tensor recovered, Tensor strengths) {
    static NameRecallResult of(Results results) {
        return new NameRecallResult(
                Objects.requireNonNull(results.saved().get("recovered"), "recovered"),
                Objects.requireNonNull(results.saved().get("strengths"), "strengths"));
    }
}
