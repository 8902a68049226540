package dev.sonde.samples;

import dev.sonde.runner.ExperimentSpec;
import dev.sonde.testmodels.TestModels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An experiment and the model that it is shown on.
 *
 * @param runner what javac wrote for the experiment
 * @param folder where the model lies
 */
record Sample(ExperimentSpec runner, Path folder) {
    /** Returns the samples whose models are there. */
    static List<Sample> available() {
        List<Sample> samples = new ArrayList<>(small());
        Optional<Path> smollm2 = TestModels.smollm2();
        smollm2.ifPresent(folder -> {
            samples.add(new Sample(new CapitalPatchingRunner(), folder));
            samples.add(new Sample(new CapitalLensRunner(), folder));
        });
        return samples;
    }

    /** Returns the samples on models that come with Sonde or from its Maven dependencies. */
    static List<Sample> small() {
        return List.of(
                new Sample(new MeaningHeadsRunner(), TestModels.miniLm()),
                new Sample(new NamePatchingRunner(), TestModels.tiny("names")),
                new Sample(new InductionScoresRunner(), TestModels.tiny("induction")));
    }

    String name() {
        return runner.name();
    }

    /** Returns the name under which the service offers the model. */
    String model() {
        return runner.defaultModel();
    }
}
