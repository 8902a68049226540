package dev.sonde.methods;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Finds the heads that continue a repeated sequence, by where they look on {@code [start, segment, segment]} with random
 * segments (Olsson et al., "In-context Learning and Induction Heads", 2022, "Definition of induction heads").
 *
 * <p>Scores are attention weights, averaged over rows and positions: 0 to 1. Results are {@code [layer, head]}, float32.
 */
public final class InductionHeads {
    private final Session session;
    private final Run run;
    private final int segment;
    private final int rows;

    private InductionHeads(Session session, Run run, int segment, int rows) {
        this.session = session;
        this.run = run;
        this.segment = segment;
        this.rows = rows;
    }

    /**
     * Returns the scores of a run.
     *
     * @param repeated rows of one start token and twice the same segment
     * @param segment number of tokens of the segment
     */
    public static InductionHeads of(Session session, RunInput repeated, int segment) {
        if (!(repeated instanceof RunInput.Tokens tokens)
                || tokens.lengths().stream().anyMatch(length -> length != 2L * segment + 1)) {
            throw new IllegalArgumentException("Expected rows of one start token and twice " + segment + " tokens: "
                    + (2 * segment + 1) + " each");
        }
        return new InductionHeads(session, session.run(repeated), segment, tokens.rows());
    }

    /**
     * Returns rows of a start token and twice the same random segment.
     *
     * @param start id of the start token
     * @param firstId smallest id to draw
     * @param endId id after the largest to draw
     * @param segment number of tokens of the segment
     * @param rows number of rows
     * @param seed equal seeds give equal rows
     */
    public static RunInput repeated(long start, long firstId, long endId, int segment, int rows, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<List<Long>> all = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            List<Long> part = LongStream.generate(() -> random.nextLong(firstId, endId))
                    .limit(segment)
                    .boxed()
                    .toList();
            List<Long> ids = new ArrayList<>(List.of(start));
            ids.addAll(part);
            ids.addAll(part);
            all.add(ids);
        }
        return Input.rows(all);
    }

    /** Returns the run whose patterns are read. */
    public Run run() {
        return run;
    }

    /** Returns how much each head looks at the token before, from every token but the first. */
    public Value<Any> previousToken() {
        return scores(1, 2 * segment + 1, 1);
    }

    /** Returns how much each head looks, from the second copy but its last token, at what came next in the first copy. */
    public Value<Any> induction() {
        return scores(segment + 1, 2 * segment, segment - 1);
    }

    /** Returns how much each head looks, from the second copy but its last token, at the same token in the first copy. */
    public Value<Any> duplicateToken() {
        return scores(segment + 1, 2 * segment, segment);
    }

    /**
     * Returns the mean of -log p over the second copy but its first token, which nothing foretells; in nats. A {@link Metric}
     * for runs of the same tokens.
     */
    public Value<Any> loss(Run run) {
        Value<Any> logits = run.get("logits");
        int vocab = (int) logits.type().dims().get(logits.type().axis("vocab")).size();
        int length = 2 * segment + 1;
        float[] next = new float[rows * length * vocab];
        for (int row = 0; row < rows; row++) {
            for (int at = segment + 1; at < length - 1; at++) {
                int token = run.ids(row).get(at + 1).intValue();
                next[(row * length + at) * vocab + token] = -1f / (rows * (segment - 1));
            }
        }
        return logits.logSoftmax("vocab")
                .times(session.constant(Tensor.of(next, rows, length, vocab)))
                .sum();
    }

    /** Returns the mean attention from each of the queries {@code from} to {@code to} (exclusive) to the key {@code back} before it. */
    private Value<Any> scores(int from, int to, int back) {
        int length = 2 * segment + 1;
        float[] mask = new float[length * length];
        for (int query = from; query < to; query++) {
            mask[query * length + query - back] = 1f / (to - from);
        }
        Value<Any> weights = session.constant(Tensor.of(mask, length, length));
        return session.stack(
                "layer",
                StandardSites.layers(session.manifest()).stream()
                        .map(layer -> run.get(StandardSites.of(layer, "pattern"))
                                .times(weights)
                                .sum("query", "key")
                                .mean("batch"))
                        .toList());
    }
}
