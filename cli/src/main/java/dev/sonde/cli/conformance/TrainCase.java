package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.kind.Any;
import dev.sonde.training.Optimizer;
import dev.sonde.training.Trainable;
import dev.sonde.training.Trained;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Trains what a run says, by the language's own training. */
final class TrainCase {
    private final Suite suite;
    private final Model model;
    private final CaseRun run;
    private final JsonObject train;
    private final Map<String, Trainable> trainables = new LinkedHashMap<>();

    private TrainCase(Suite suite, Model model, CaseRun run, JsonObject train) {
        this.suite = suite;
        this.model = model;
        this.run = run;
        this.train = train;
        for (Map.Entry<String, JsonElement> each :
                train.getAsJsonObject("params").entrySet()) {
            String key = each.getValue().getAsJsonObject().get("tensor").getAsString();
            trainables.put(each.getKey(), Trainable.of(each.getKey(), suite.tensor(key)));
        }
    }

    /** Returns all values that a case of kind {@code train} leads to, by {@code run/name}. */
    static Map<String, Tensor> values(Suite suite, Model model, Case one) {
        Map<String, Tensor> values = new LinkedHashMap<>();
        for (CaseRun run : one.runs()) {
            JsonObject train = run.train().orElseThrow(() -> new UnsupportedCapability("runs beside a training"));
            if (run.batched() || !run.sweep().isEmpty()) {
                throw new UnsupportedCapability("training of several prompts or a sweep");
            }
            new TrainCase(suite, model, run, train)
                    .values()
                    .forEach((name, value) -> values.put(run.id() + "/" + name, value));
        }
        return values;
    }

    private Map<String, Tensor> values() {
        Map<String, Tensor> values = new LinkedHashMap<>();
        firstGradients().forEach((name, saved) -> values.put("grad_" + name, saved.value()));
        Trained trained = model.train(Dataset.of(List.of(Map.of())), (s, rows) -> loss(s))
                .optimizer(optimizer())
                .steps(train.get("steps").getAsLong())
                .run();
        float[] losses = new float[trained.steps().size()];
        for (int i = 0; i < losses.length; i++) {
            losses[i] = (float) trained.losses()[i];
        }
        values.put("losses", Tensor.of(losses, losses.length));
        trained.tensors().forEach((name, tensor) -> values.put("final_" + name, tensor));
        return values;
    }

    private Map<String, Saved<Tensor>> firstGradients() {
        return model.session(s -> {
            Value<Any> loss = loss(s);
            Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
            s.trainables()
                    .forEach((each, value) ->
                            saved.put(each.name(), loss.gradient(value).save()));
            return saved;
        });
    }

    private Value<Any> loss(Session session) {
        Bindings bindings = new Bindings(Map.of());
        trainables.forEach((name, each) -> bindings.bind(name, session.trainable(each)));
        CaseRun.Block block = run.blocks().get(0);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        block.inputs().forEach((name, key) -> inputs.put(name, suite.tensor(key)));
        Value<?>[] loss = new Value<?>[1];
        session.run(Input.tensors(inputs), trace -> {
            Expression expression = new Expression(suite, session, trace, bindings);
            new Steps(trace, Rows.ALL, expression, bindings).record(block.steps());
            loss[0] = expression.value(train.get("loss"));
        });
        return Objects.requireNonNull(loss[0]).as(Any.class);
    }

    private Optimizer optimizer() {
        JsonObject json = train.getAsJsonObject("optimizer");
        double rate = json.get("lr").getAsDouble();
        String name = json.get("name").getAsString();
        return switch (name) {
            case "sgd" ->
                Optimizer.sgd(rate)
                        .withMomentum(number(json, "momentum", 0))
                        .withWeightDecay(number(json, "weight_decay", 0));
            case "adam" -> adam(Optimizer.adam(rate), json);
            case "adamw" -> adam(Optimizer.adamW(rate), json);
            default -> throw new UnsupportedCapability("optimizer " + name);
        };
    }

    private static Optimizer adam(Optimizer.Adam start, JsonObject json) {
        Optimizer.Adam adam = start.withEpsilon(number(json, "eps", start.epsilon()))
                .withWeightDecay(number(json, "weight_decay", start.weightDecay()));
        List<Double> betas = Json.list(json.get("betas"), JsonElement::getAsDouble);
        return betas.isEmpty() ? adam : adam.withBetas(betas.get(0), betas.get(1));
    }

    private static double number(JsonObject json, String name, double otherwise) {
        return json.has(name) ? json.get(name).getAsDouble() : otherwise;
    }
}
