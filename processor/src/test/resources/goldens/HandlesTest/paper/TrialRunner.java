package demo;

import dev.sonde.Model;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.runner.ExperimentMain;
import dev.sonde.runner.ExperimentSpec;
import dev.sonde.runner.ParamSpec;
import java.util.List;
import java.util.Map;
import javax.annotation.processing.Generated;

/**
 * Runs {@link Trial} from the command line; {@code --help} lists the options.
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
final class TrialRunner implements ExperimentSpec {
    /**
     * Runs the experiment as {@code args} ask.
     */
    public static void main(String[] args) {
        ExperimentMain.main(new TrialRunner(), args);
    }

    @Override
    public String name() {
        return "Trial";
    }

    @Override
    public String describe() {
        return "A trial.";
    }

    @Override
    public String defaultModel() {
        return "paper";
    }

    @Override
    public List<ParamSpec> params() {
        return List.of();
    }

    @Override
    public InterventionGraph record(Model model, Map<String, String> params) {
        return TrialExperiment.builder()
                .build()
                .record(model)
                .graph();
    }
}
