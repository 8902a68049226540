package demo;

import dev.sonde.Model;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.runner.ExperimentMain;
import dev.sonde.runner.ExperimentSpec;
import dev.sonde.runner.ParamSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.annotation.processing.Generated;

/**
 * Runs {@link NameRecall} from the command line; {@code --help} lists the options.
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
final class NameRecallRunner implements ExperimentSpec {
    /**
     * Runs the experiment as {@code args} ask.
     */
    public static void main(String[] args) {
        ExperimentMain.main(new NameRecallRunner(), args);
    }

    @Override
    public String name() {
        return "NameRecall";
    }

    @Override
    public String describe() {
        return "Where does the name come from?";
    }

    @Override
    public String defaultModel() {
        return "";
    }

    @Override
    public List<ParamSpec> params() {
        NameRecall defaults = new NameRecall();
        return List.of(
                new ParamSpec("clean", ParamSpec.Kind.TEXT, "What the model reads.", defaults.clean),
                new ParamSpec("answer", ParamSpec.Kind.TOKEN, "", defaults.answer),
                new ParamSpec("foil", ParamSpec.Kind.TOKEN, "", defaults.foil),
                new ParamSpec("others", ParamSpec.Kind.TEXT, "", defaults.others == null ? null : String.join("\n", defaults.others)),
                new ParamSpec("layer", ParamSpec.Kind.INTEGER, "", String.valueOf(defaults.layer)),
                new ParamSpec("seed", ParamSpec.Kind.INTEGER, "", String.valueOf(defaults.seed)),
                new ParamSpec("strength", ParamSpec.Kind.NUMBER, "", String.valueOf(defaults.strength)),
                new ParamSpec("control", ParamSpec.Kind.TRUTH, "", String.valueOf(defaults.control)));
    }

    @Override
    public InterventionGraph record(Model model, Map<String, String> params) {
        return NameRecallExperiment.builder()
                .clean(Objects.requireNonNull(params.get("clean"), "clean"))
                .answer(Objects.requireNonNull(params.get("answer"), "answer"))
                .foil(Objects.requireNonNull(params.get("foil"), "foil"))
                .others(Objects.requireNonNull(params.get("others"), "others").lines().toList())
                .layer(Integer.parseInt(Objects.requireNonNull(params.get("layer"), "layer")))
                .seed(Long.parseLong(Objects.requireNonNull(params.get("seed"), "seed")))
                .strength(Double.parseDouble(Objects.requireNonNull(params.get("strength"), "strength")))
                .control(Boolean.parseBoolean(Objects.requireNonNull(params.get("control"), "control")))
                .build()
                .record(model)
                .graph();
    }
}
