package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.graph.Node.Generated.Part;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongPredicate;

/**
 * Text that is generated from prompts, and what an experiment does at its steps. Step 0 is the prompt pass, each later one sees
 * one new token; with {@code n} new tokens there are {@code n} steps.
 *
 * <p>The lambdas given here are called once for each group of steps with the same reads and edits: the prompt pass is always one
 * of its own.
 */
public final class Generation {
    private final Recorder recorder;
    private final RunInput.Generation input;
    private final String name;
    private final List<Block> blocks = new ArrayList<>();
    private final Map<String, Map<Integer, Recorded>> kept = new LinkedHashMap<>();
    private final Map<String, Value<Any>> values = new LinkedHashMap<>();
    private final Map<String, Kept> handles = new LinkedHashMap<>();
    private final Map<Part, Saved<Tensor>> parts = new LinkedHashMap<>();
    private int run;
    private boolean recorded;

    /** What is done at some steps. */
    private record Block(LongPredicate steps, Consumer<Step> body) {}

    /** A value that steps keep. */
    private record Recorded(List<RunInput.Range> steps, int value) {}

    Generation(Recorder recorder, RunInput.Generation input, String name) {
        this.recorder = recorder;
        this.input = input;
        this.name = name;
    }

    /** Returns the name of the site that tokens are chosen from. */
    static String logits(ModelManifest manifest) {
        return manifest.find("logits")
                .map(SiteInfo::name)
                .orElseThrow(() -> new SondeException(
                        "not-generating",
                        "Model '" + manifest.name() + "' generates no text: expected an output 'logits' of axes batch,"
                                + " position, vocab"));
    }

    /** Records what is done at every step, the prompt pass included. */
    public void every(Consumer<Step> body) {
        add(step -> true, body);
    }

    /** Records what is done at the prompt pass, step 0. */
    public void prompt(Consumer<Step> body) {
        add(step -> step == 0, body);
    }

    /** Records what is done at one step. */
    public void step(long number, Consumer<Step> body) {
        steps(number, number + 1, body);
    }

    /** Records what is done at the steps from {@code from} (inclusive) to {@code to} (exclusive). */
    public void steps(long from, long to, Consumer<Step> body) {
        if (from < 0 || from >= to) {
            recorder.problem(new SondeException(
                    "bad-steps", "Expected steps from 0 on, and a number behind them, but was " + from + " to " + to));
            return;
        }
        add(step -> step >= from && step < to, body);
    }

    /** Records what is done at all steps behind the prompt pass. */
    public void later(Consumer<Step> body) {
        add(step -> step > 0, body);
    }

    /** Records what is done at the last {@code count} steps of the most that may run; if a row ends early they may never come. */
    public void last(long count, Consumer<Step> body) {
        int most = input.options().maxNewTokens();
        add(step -> step >= most - count, body);
    }

    private void add(LongPredicate steps, Consumer<Step> body) {
        if (recorded) {
            throw new IllegalStateException(
                    "What is done at the steps is recorded in the lambda of generate(...) only");
        }
        blocks.add(new Block(steps, body));
    }

    /** Records all steps. */
    void record() {
        recorded = true;
        run = recorder.run(input);
        record(List.of(0L), run);
        Map<List<Boolean>, List<Long>> alike = new LinkedHashMap<>();
        for (long step = 1; step < input.options().maxNewTokens(); step++) {
            long now = step;
            List<Boolean> done =
                    blocks.stream().map(block -> block.steps().test(now)).toList();
            alike.computeIfAbsent(done, unused -> new ArrayList<>()).add(step);
        }
        Deque<List<Long>> open = new ArrayDeque<>(alike.values());
        while (!open.isEmpty()) {
            List<Long> steps = open.pop();
            int mark = recorder.mark();
            try {
                int later = recorder.run(new RunInput.Steps(run, input.rows(), ranges(steps)));
                record(steps, later);
            } catch (StepValues.Apart apart) {
                recorder.rewind(mark);
                apart.groups().forEach(open::push);
            }
        }
        for (Part part : Part.values()) {
            int id = recorder.add(new Node.Generated(run, part));
            parts.put(part, recorder.save(id, name + "." + part.name().toLowerCase(java.util.Locale.ROOT)));
        }
        kept.forEach(this::finish);
    }

    private static List<RunInput.Range> ranges(List<Long> steps) {
        List<RunInput.Range> ranges = new ArrayList<>();
        for (long step : steps) {
            RunInput.Range last = ranges.isEmpty() ? null : ranges.get(ranges.size() - 1);
            if (last != null && last.to() == step) {
                ranges.set(ranges.size() - 1, new RunInput.Range(last.from(), step + 1));
            } else {
                ranges.add(new RunInput.Range(step, step + 1));
            }
        }
        return ranges;
    }

    private void record(List<Long> steps, int at) {
        Step scope = new Step(recorder, at);
        for (Block block : blocks) {
            if (block.steps().test(steps.get(0))) {
                block.body().accept(scope);
            }
        }
        scope.choose();
        scope.kept()
                .forEach((key, id) -> kept.computeIfAbsent(key, unused -> new LinkedHashMap<>())
                        .put(at, new Recorded(scope.steps(), id)));
    }

    /** Puts the values that steps keep under one name behind each other, those of one shape together. */
    private void finish(String key, Map<Integer, Recorded> byRun) {
        Map<ValueType, List<Recorded>> byType = new LinkedHashMap<>();
        byRun.values()
                .forEach(each -> byType.computeIfAbsent(
                                ValueType.of(
                                        recorder.type(each.value()).dtype(),
                                        recorder.type(each.value()).dims()),
                                unused -> new ArrayList<>())
                        .add(each));
        List<Kept.Part> saved = new ArrayList<>();
        int left = byType.size();
        for (List<Recorded> same : byType.values()) {
            int id = recorder.add(
                    new Node.OverSteps(run, same.stream().map(Recorded::value).toList()));
            List<RunInput.Range> steps = new ArrayList<>();
            same.forEach(each -> steps.addAll(each.steps()));
            steps.sort(java.util.Comparator.comparingLong(RunInput.Range::from));
            left--;
            String as = left == 0 ? key : key + "@" + steps.get(0).from();
            saved.add(new Kept.Part(steps, recorder.save(id, as)));
            values.put(as, new Value<>(recorder, id));
        }
        handles.put(key, new Kept(key, saved, () -> value().steps()));
    }

    /** Returns a value that steps kept, along a first axis {@code step}, to compute with behind the generation. */
    public Value<Any> over(String key) {
        Value<Any> value = values.get(key);
        if (value == null) {
            return new Value<>(
                    recorder,
                    recorder.broken(new SondeException(
                            "not-kept", "No step keeps '" + key + "': expected one of " + values.keySet())));
        }
        return value;
    }

    /**
     * Returns what steps kept under a name, once the experiment has run.
     *
     * @throws SondeException {@code not-kept} if no step keeps it
     */
    public Kept kept(String key) {
        Kept found = handles.get(key);
        if (found == null) {
            throw new SondeException("not-kept", "No step keeps '" + key + "': expected one of " + handles.keySet());
        }
        return found;
    }

    /**
     * Returns what was generated.
     *
     * @throws IllegalStateException before the experiment has run
     */
    public Generated value() {
        long[] tokens = part(Part.TOKENS).toLongs();
        double[] logProbs = part(Part.LOG_PROBS).toDoubles();
        long[] steps = part(Part.STEPS).toLongs();
        long[] reasons = part(Part.REASONS).toLongs();
        int width = tokens.length / steps.length;
        List<Generated.Row> rows = new ArrayList<>();
        for (int row = 0; row < steps.length; row++) {
            List<Long> ids = new ArrayList<>();
            List<Double> probabilities = new ArrayList<>();
            for (int i = row * width; i < (row + 1) * width && tokens[i] >= 0; i++) {
                ids.add(tokens[i]);
                probabilities.add(logProbs[i]);
            }
            Generated.Reason reason = Generated.Reason.of(reasons[row]);
            rows.add(new Generated.Row(text(row, ids, reason), ids, probabilities, reason, (int) steps[row]));
        }
        return new Generated(rows);
    }

    private String text(int row, List<Long> ids, Generated.Reason reason) {
        int shown = ids.size() - (reason == Generated.Reason.STOP_TOKEN ? 1 : 0);
        List<Long> prompt = input.prompt().ids().get(row);
        return recorder.decoder()
                .map(tokenizer -> tokenizer.continuation(prompt, ids.subList(0, shown)))
                .orElse("");
    }

    private Tensor part(Part part) {
        Saved<Tensor> saved = parts.get(part);
        if (saved == null) {
            throw new IllegalStateException("This generation is still being recorded");
        }
        return saved.value();
    }
}
