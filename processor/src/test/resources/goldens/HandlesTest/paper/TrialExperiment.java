package demo;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.annotation.processing.Generated;

/**
 * {@link Trial} with values for its parameters, ready to run on any model. Immutable.
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
final class TrialExperiment {
    private TrialExperiment(Builder builder) {
    }

    /**
     * Returns a builder that has the defaults of {@link Trial}.
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Runs the experiment and returns what it found.
     */
    public TrialResult run(Model model) {
        return TrialResult.of(model.run(record(model).graph()));
    }

    /**
     * Records the experiment for a model, without running it; the saves have the names of the result.
     */
    public Recording<Trial.Found> record(Model model) {
        Trial experiment = new Trial();
        Recording<Trial.Found> recording = model.record(experiment::body);
        Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
        saved.put("x", recording.result().x());
        return recording.named(saved);
    }

    /**
     * Values for the parameters of {@link Trial}.
     */
    public static final class Builder {
        private Builder() {
        }

        /**
         * Returns the experiment with these values.
         */
        public TrialExperiment build() {
            return new TrialExperiment(this);
        }
    }
}
