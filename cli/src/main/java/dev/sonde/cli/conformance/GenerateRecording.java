package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Session;
import dev.sonde.Step;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/** Records a run that generates: its steps at the steps of the generation that they are for. */
final class GenerateRecording {
    private final Suite suite;
    private final Session session;
    private final CaseRun run;
    private final Map<String, Value<Any>> known;
    private final IdentityHashMap<Step, Scope> scopes = new IdentityHashMap<>();
    private final List<List<Long>> prompts = new ArrayList<>();
    private int width;

    /** What is recorded at one group of steps. */
    private record Scope(Steps steps, Bindings bindings) {}

    GenerateRecording(Suite suite, Session session, CaseRun run, Map<String, Value<Any>> known) {
        this.suite = suite;
        this.session = session;
        this.run = run;
        this.known = known;
    }

    /** Returns all expected values by {@code run/name}, for when the case has run. */
    Map<String, Supplier<Tensor>> record() {
        readPrompts();
        GenerationOptions options = GenerationOptions.builder()
                .maxNewTokens(run.newTokens())
                .stopTokens()
                .build();
        Generation generation = session.generate(Input.rows(prompts), options, this::record);
        Map<String, Supplier<Tensor>> saved = new LinkedHashMap<>();
        for (String name : run.expected().keySet()) {
            saved.put(run.id() + "/" + name, name.equals("tokens") ? () -> tokens(generation) : step(generation, name));
        }
        return saved;
    }

    private static Supplier<Tensor> step(Generation generation, String name) {
        int at = name.lastIndexOf('@');
        return () -> generation.kept(name.substring(0, at)).step(Integer.parseInt(name.substring(at + 1)));
    }

    /** Reads ids and the mask that says which of them are padding. */
    private void readPrompts() {
        if (run.blocks().size() != 1 || !run.sweep().isEmpty()) {
            throw new UnsupportedCapability("generation of blocks or sweeps");
        }
        Map<String, String> inputs = run.blocks().get(0).inputs();
        if (!inputs.containsKey("input_ids")) {
            throw new UnsupportedCapability("generation from " + inputs.keySet());
        }
        Tensor ids = suite.tensor(inputs.get("input_ids"));
        long[] numbers = ids.toLongs();
        long[] mask = inputs.containsKey("attention_mask")
                ? suite.tensor(inputs.get("attention_mask")).toLongs()
                : new long[0];
        width = (int) ids.size(1);
        for (int row = 0; row < ids.size(0); row++) {
            List<Long> prompt = new ArrayList<>();
            for (int i = row * width; i < (row + 1) * width; i++) {
                if (mask.length == 0 || mask[i] != 0) {
                    prompt.add(numbers[i]);
                }
            }
            prompts.add(prompt);
        }
    }

    private void record(Generation generation) {
        for (JsonElement each : run.blocks().get(0).steps()) {
            JsonObject step = each.getAsJsonObject();
            JsonElement at = step.get("at_step");
            if (at == null || (at.isJsonPrimitive() && at.getAsString().equals("all"))) {
                generation.every(scope -> record(scope, step));
            } else {
                List<Long> numbers = at.isJsonArray() ? Json.list(at, JsonElement::getAsLong) : List.of(at.getAsLong());
                numbers.forEach(number -> generation.step(number, scope -> record(scope, step)));
            }
        }
    }

    private void record(Step at, JsonObject step) {
        Scope scope = scopes.computeIfAbsent(at, this::scope);
        scope.steps().record(step);
        if (step.has("as")
                && run.expected().keySet().stream()
                        .anyMatch(name -> name.startsWith(step.get("as").getAsString() + "@"))) {
            String name = step.get("as").getAsString();
            at.keep(name, scope.bindings().get(name));
        }
    }

    private Scope scope(Step at) {
        Bindings bindings = new Bindings(known);
        boolean ragged = prompts.stream().map(List::size).distinct().count() > 1;
        Expression expression = new Expression(suite, session, at, bindings);
        return new Scope(new Steps(at, Rows.ALL, expression, bindings, ragged), bindings);
    }

    /** Returns prompts and new tokens as the suite has them, with padding on the left. */
    private Tensor tokens(Generation generation) {
        Tensor padded =
                suite.tensor(Objects.requireNonNull(run.blocks().get(0).inputs().get("input_ids")));
        long[] before = padded.toLongs();
        int rows = prompts.size();
        int all = width + run.newTokens();
        long[] tokens = new long[rows * all];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(before, row * width, tokens, row * all, width);
            List<Long> fresh = generation.value().rows().get(row).ids();
            for (int i = 0; i < fresh.size(); i++) {
                tokens[row * all + width + i] = fresh.get(i);
            }
        }
        return Tensor.of(tokens, rows, all);
    }
}
