package dev.sonde.methods;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.List;

/** One number that says how a run went; what interventions are judged by. */
@FunctionalInterface
public interface Metric {
    /** Returns the number, a value without axes; rows of a batch are averaged. */
    Value<Any> of(Run run);

    /**
     * Returns logit(answer) - logit(foil) at the last position, averaged over the rows (Wang et al., "Interpretability in the
     * Wild", 2022, section 2.1).
     *
     * @param answer token id
     * @param foil token id
     */
    static Metric logitDifference(long answer, long foil) {
        return run -> {
            Value<Any> last = run.get("logits").at(position(-1));
            return last.at(index("vocab", answer))
                    .minus(last.at(index("vocab", foil)))
                    .mean();
        };
    }

    /**
     * Returns logit(answer) - logit(foil) at the last position with an answer and a foil for each row, averaged over the rows.
     *
     * @param session in which the runs are recorded
     * @param answers token ids, one for each row
     * @param foils token ids, one for each row
     */
    static Metric logitDifference(Session session, List<Long> answers, List<Long> foils) {
        if (answers.size() != foils.size()) {
            throw new IllegalArgumentException(
                    "Expected as many foils as answers (" + answers.size() + ") but was " + foils.size());
        }
        return run -> {
            Value<Any> last = run.get("logits").at(position(-1));
            int vocab = (int) last.type().dims().get(last.type().axis("vocab")).size();
            float[] signs = new float[answers.size() * vocab];
            for (int row = 0; row < answers.size(); row++) {
                signs[row * vocab + answers.get(row).intValue()] += 1;
                signs[row * vocab + foils.get(row).intValue()] -= 1;
            }
            return last.times(session.constant(Tensor.of(signs, answers.size(), vocab)))
                    .sum("vocab")
                    .mean();
        };
    }

    /** Returns the log-probability of a token at the last position, averaged over the rows. */
    static Metric logProbability(long token) {
        return run -> run.get("logits")
                .at(position(-1))
                .logSoftmax("vocab")
                .at(index("vocab", token))
                .mean();
    }

    /**
     * Returns the cross-entropy of wanted next tokens at the last position, in nats, averaged over the rows: a loss to train by.
     *
     * @param session in which the runs are recorded
     * @param tokens ids, one for each row
     */
    static Metric crossEntropy(Session session, List<Long> tokens) {
        long[] wanted = tokens.stream().mapToLong(Long::longValue).toArray();
        return run -> run.get("logits")
                .at(position(-1))
                .crossEntropy(session.constant(Tensor.of(wanted, wanted.length)), "vocab")
                .mean();
    }

    /**
     * Returns how far a run's next token at the last position is from another run's: {@code KL(whole || run)}, in nats, averaged over
     * the rows.
     *
     * @param whole of as many rows
     */
    static Metric divergenceFrom(Run whole) {
        return run -> {
            Value<Any> expected = whole.get("logits").at(position(-1)).logSoftmax("vocab");
            Value<Any> found = run.get("logits").at(position(-1)).logSoftmax("vocab");
            return expected.exp().times(expected.minus(found)).sum("vocab").mean();
        };
    }

    /**
     * Returns the cosine between a run's sentence embedding and another one, averaged over the rows.
     *
     * @param other as {@link SentenceEmbedding#of} returns it, of another run
     */
    static Metric similarityTo(Value<?> other) {
        return run ->
                SentenceEmbedding.of(run).cosineSimilarity(other, "d_model").mean();
    }
}
