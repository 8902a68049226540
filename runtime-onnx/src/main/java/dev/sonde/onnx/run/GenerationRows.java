package dev.sonde.onnx.run;

import dev.sonde.Generated;
import dev.sonde.GenerationOptions;
import dev.sonde.Tensor;
import dev.sonde.graph.Node.Generated.Part;
import dev.sonde.graph.RunInput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** How far each row of a generation has come. */
final class GenerationRows {
    /** Rows leave when they are at least one of so many: moving the others takes time too. */
    private static final int WORTH = 8;

    private final int generation;
    private final GenerationOptions options;
    private final Ending ending;
    private final StopStrings strings;
    private final List<List<Long>> tokens = new ArrayList<>();
    private final int[] promptLengths;
    private final List<List<Float>> logProbs = new ArrayList<>();
    private final Generated.Reason[] reasons;
    private final int[] steps;
    private List<Integer> present;
    private boolean apart;
    private final TokenChoice choice;

    GenerationRows(int generation, RunInput.Generation input, Ending ending, StopStrings strings) {
        this.generation = generation;
        this.options = input.options();
        this.ending = ending;
        this.strings = strings;
        this.choice = new TokenChoice(options);
        int count = input.prompt().rows();
        input.prompt().ids().forEach(ids -> tokens.add(new ArrayList<>(ids)));
        this.promptLengths =
                input.prompt().lengths().stream().mapToInt(Long::intValue).toArray();
        for (int i = 0; i < count; i++) {
            logProbs.add(new ArrayList<>());
        }
        this.reasons = new Generated.Reason[count];
        this.steps = new int[count];
        this.present = IntStream.range(0, count).boxed().toList();
    }

    int count() {
        return steps.length;
    }

    /** Returns which rows the batch has: all, or those that have not left it. */
    List<Integer> present() {
        return present;
    }

    /** Returns the lengths that prompts have, and which rows that go on have each. */
    Map<Integer, List<Integer>> byLength() {
        Map<Integer, List<Integer>> all = new TreeMap<>();
        for (int row = 0; row < count(); row++) {
            if (reasons[row] == null) {
                all.computeIfAbsent(promptLengths[row], unused -> new ArrayList<>())
                        .add(row);
            }
        }
        return all;
    }

    /** Says that the batch has only some rows, whose prompts are of one length. */
    void only(List<Integer> some) {
        present = List.copyOf(some);
        apart = true;
    }

    /** Returns how many positions the prompts of the batch have, padding included. */
    int width() {
        return apart
                ? promptLengths[present.get(0)]
                : Arrays.stream(promptLengths).max().orElse(0);
    }

    /** Returns whether some row of the batch goes on. */
    boolean goOn() {
        return present.stream().anyMatch(row -> reasons[row] == null);
    }

    /**
     * Has rows leave the batch that have ended, if there are enough of them to be worth it.
     *
     * @param longest whether one of the longest rows must stay
     * @return places in the batch before of those that stay
     */
    List<Integer> leave(boolean longest) {
        List<Integer> stay = new ArrayList<>();
        int most = present.stream().mapToInt(row -> promptLengths[row]).max().orElse(0);
        boolean needsLongest =
                longest && present.stream().noneMatch(row -> reasons[row] == null && promptLengths[row] == most);
        for (int i = 0; i < present.size(); i++) {
            int row = present.get(i);
            boolean stays = needsLongest && promptLengths[row] == most;
            needsLongest &= !stays;
            if (reasons[row] == null || stays) {
                stay.add(i);
            }
        }
        if ((present.size() - stay.size()) * WORTH < present.size()) {
            return IntStream.range(0, present.size()).boxed().toList();
        }
        present = stay.stream().map(present::get).toList();
        return stay;
    }

    /** Returns whether a row took part in a step. */
    boolean took(int row, int step) {
        return reasons[row] == null || step < steps[row];
    }

    /** Returns prompts and new tokens of the rows of the batch. */
    List<List<Long>> tokens() {
        return present.stream().map(tokens::get).toList();
    }

    /** Returns the lengths of the prompts of the rows of the batch. */
    List<Long> promptLengths() {
        return present.stream().map(row -> (long) promptLengths[row]).toList();
    }

    /** Returns the newest token of each row of the batch. */
    long[] newest() {
        return tokens().stream().mapToLong(row -> row.get(row.size() - 1)).toArray();
    }

    /** Ends the rows for which a condition holds. */
    void finish(Tensor condition, int step) {
        double[] holds = condition.toDoubles();
        for (int i = 0; i < present.size(); i++) {
            int row = present.get(i);
            if (reasons[row] == null && holds[holds.length == 1 ? 0 : i] != 0) {
                end(row, Generated.Reason.CONDITION, step);
            }
        }
    }

    private void end(int row, Generated.Reason reason, int step) {
        reasons[row] = reason;
        steps[row] = step + 1;
    }

    /** Chooses the next token of each row that goes on, of its part of the logits. */
    void choose(float[] logits, float[] logSumExp, int step) {
        int vocabulary = logits.length / present.size();
        for (int i = 0; i < present.size(); i++) {
            int row = present.get(i);
            if (reasons[row] == null) {
                float[] own =
                        present.size() == 1 ? logits : Arrays.copyOfRange(logits, i * vocabulary, (i + 1) * vocabulary);
                choose(own, logSumExp[i], row, step);
            } else {
                tokens.get(row).add(0L); // it takes part in the batch, and nobody looks
            }
        }
    }

    private void choose(float[] logits, float logSumExp, int row, int step) {
        float[] untouched = options.samples() || choice.changes() ? logits.clone() : logits;
        int token = choice.choose(logits, tokens.get(row), promptLengths[row], row);
        tokens.get(row).add((long) token);
        logProbs.get(row).add(untouched[token] - logSumExp);
        ending.token(generation, row, token);
        if (options.stopTokens().contains((long) token)) {
            end(row, Generated.Reason.STOP_TOKEN, step);
        } else if (strings.end(tokens.get(row).subList(0, promptLengths[row]), fresh(row))) {
            end(row, Generated.Reason.STOP_STRING, step);
        } else if (logProbs.get(row).size() == options.maxNewTokens()) {
            end(row, Generated.Reason.LENGTH, step);
        }
    }

    private List<Long> fresh(int row) {
        List<Long> all = tokens.get(row);
        return all.subList(
                promptLengths[row], promptLengths[row] + logProbs.get(row).size());
    }

    /** Returns a part of the result. */
    Tensor result(Part part) {
        int width = logProbs.stream().mapToInt(List::size).max().orElse(0);
        List<String> names = List.of("batch", "step");
        return switch (part) {
            case TOKENS -> Tensor.of(tokens(width), count(), width).withNames(names);
            case LOG_PROBS -> Tensor.of(logProbs(width), count(), width).withNames(names);
            case REASONS ->
                Tensor.of(
                                Arrays.stream(reasons)
                                        .mapToLong(reason -> reason == null ? 0 : reason.code())
                                        .toArray(),
                                count())
                        .withNames(List.of("batch"));
            case STEPS ->
                Tensor.of(Arrays.stream(steps).asLongStream().toArray(), count())
                        .withNames(List.of("batch"));
        };
    }

    private long[] tokens(int width) {
        long[] ids = new long[count() * width];
        Arrays.fill(ids, -1);
        for (int row = 0; row < count(); row++) {
            List<Long> own = fresh(row);
            for (int i = 0; i < own.size(); i++) {
                ids[row * width + i] = own.get(i);
            }
        }
        return ids;
    }

    private float[] logProbs(int width) {
        float[] all = new float[count() * width];
        for (int row = 0; row < count(); row++) {
            for (int i = 0; i < logProbs.get(row).size(); i++) {
                all[row * width + i] = logProbs.get(row).get(i);
            }
        }
        return all;
    }
}
