package demo;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.annotation.processing.Generated;

/**
 * {@link NameRecall} with values for its parameters, ready to run on any model. Immutable.
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
final class NameRecallExperiment {
    private final String clean;

    private final String answer;

    private final String foil;

    private final List<String> others;

    private final int layer;

    private final long seed;

    private final double strength;

    private final boolean control;

    private NameRecallExperiment(Builder builder) {
        this.clean = builder.clean;
        this.answer = builder.answer;
        this.foil = builder.foil;
        this.others = builder.others;
        this.layer = builder.layer;
        this.seed = builder.seed;
        this.strength = builder.strength;
        this.control = builder.control;
    }

    /**
     * Returns a builder that has the defaults of {@link NameRecall}.
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Runs the experiment and returns what it found.
     */
    public NameRecallResult run(Model model) {
        return NameRecallResult.of(model.run(record(model).graph()));
    }

    /**
     * Records the experiment for a model, without running it; the saves have the names of the result.
     */
    public Recording<NameRecall.Found> record(Model model) {
        NameRecall experiment = new NameRecall();
        experiment.clean = clean;
        experiment.answer = answer;
        experiment.foil = foil;
        experiment.others = others;
        experiment.layer = layer;
        experiment.seed = seed;
        experiment.strength = strength;
        experiment.control = control;
        Recording<NameRecall.Found> recording = model.record(s -> {
            s.token(answer);
            s.token(foil);
            return experiment.body(s);
        });
        Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
        saved.put("recovered", recording.result().recovered());
        saved.put("strengths", recording.result().strengths());
        return recording.named(saved);
    }

    /**
     * Values for the parameters of {@link NameRecall}.
     */
    public static final class Builder {
        private String clean;

        private String answer;

        private String foil;

        private List<String> others;

        private int layer;

        private long seed;

        private double strength;

        private boolean control;

        private Builder() {
            NameRecall defaults = new NameRecall();
            clean = defaults.clean;
            answer = defaults.answer;
            foil = defaults.foil;
            others = defaults.others;
            layer = defaults.layer;
            seed = defaults.seed;
            strength = defaults.strength;
            control = defaults.control;
        }

        /**
         * Sets it: What the model reads.
         */
        public Builder clean(String clean) {
            this.clean = clean;
            return this;
        }

        /**
         * Sets {@code answer}.
         */
        public Builder answer(String answer) {
            this.answer = answer;
            return this;
        }

        /**
         * Sets {@code foil}.
         */
        public Builder foil(String foil) {
            this.foil = foil;
            return this;
        }

        /**
         * Sets {@code others}.
         */
        public Builder others(List<String> others) {
            this.others = List.copyOf(others);
            return this;
        }

        /**
         * Sets {@code layer}.
         */
        public Builder layer(int layer) {
            this.layer = layer;
            return this;
        }

        /**
         * Sets {@code seed}.
         */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /**
         * Sets {@code strength}.
         */
        public Builder strength(double strength) {
            this.strength = strength;
            return this;
        }

        /**
         * Sets {@code control}.
         */
        public Builder control(boolean control) {
            this.control = control;
            return this;
        }

        /**
         * Returns the experiment with these values.
         */
        public NameRecallExperiment build() {
            Objects.requireNonNull(clean, "'clean' has no value: call clean(...) before build()");
            Objects.requireNonNull(answer, "'answer' has no value: call answer(...) before build()");
            Objects.requireNonNull(foil, "'foil' has no value: call foil(...) before build()");
            Objects.requireNonNull(others, "'others' has no value: call others(...) before build()");
            return new NameRecallExperiment(this);
        }
    }
}
