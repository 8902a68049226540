package dev.sonde;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How text is generated. The meaning of each option is that of Hugging Face's {@code generate}; they are applied in its order:
 * bias, repetition penalty, minimum length, then, when sampling, temperature, top k, top p, min p.
 *
 * @param maxNewTokens most tokens to add to each prompt, 1 or more
 * @param minNewTokens no stop token is chosen before so many
 * @param temperature 0 always takes the likeliest token; otherwise logits are divided by it and a token is drawn
 * @param topK draw from the k likeliest only; 0 for all
 * @param topP draw from the likeliest that together have this probability; 1 for all
 * @param minP draw from tokens with at least this share of the likeliest one's probability; 0 for all
 * @param repetitionPenalty divides the positive logits of tokens that are there already, and multiplies negative ones; 1 for none
 * @param seed of the draws; each depends on it, the row's number and the step only
 * @param stopTokens ids that end a row; the token itself is the row's last
 * @param stopStrings texts that end a row once they are in its new text
 * @param logitBias what is added to the logits of tokens, by id
 */
public record GenerationOptions(
        int maxNewTokens,
        int minNewTokens,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        long seed,
        List<Long> stopTokens,
        List<String> stopStrings,
        Map<Long, Double> logitBias) {
    private static final int MOST = 1 << 20;

    /** Stands for the model's own end tokens until it is known which model that is. */
    static final List<Long> OF_MODEL = List.of(-1L);

    /** Copies its collections and refuses what makes no sense. */
    public GenerationOptions {
        stopTokens = List.copyOf(stopTokens);
        stopStrings = List.copyOf(stopStrings);
        logitBias = Collections.unmodifiableMap(new TreeMap<>(logitBias));
        check(maxNewTokens >= 1 && maxNewTokens <= MOST, "maxNewTokens of 1 to " + MOST, maxNewTokens);
        check(minNewTokens >= 0 && minNewTokens <= maxNewTokens, "minNewTokens of 0 to maxNewTokens", minNewTokens);
        check(temperature >= 0 && Double.isFinite(temperature), "a temperature of 0 or more", temperature);
        check(topK >= 0, "topK of 0 or more", topK);
        check(topP > 0 && topP <= 1, "topP above 0 and up to 1", topP);
        check(minP >= 0 && minP <= 1, "minP of 0 to 1", minP);
        check(
                repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
                "a repetition penalty above 0",
                repetitionPenalty);
        check(stopStrings.stream().noneMatch(String::isEmpty), "stop strings with letters", stopStrings);
        check(logitBias.values().stream().noneMatch(bias -> bias.isNaN()), "biases that are numbers", logitBias);
    }

    private static void check(boolean fine, String expected, Object found) {
        if (!fine) {
            throw new SondeException("bad-option", "Expected " + expected + " but was " + found);
        }
    }

    /** Returns the options for so many likeliest tokens, ending at the model's own end tokens. */
    public static GenerationOptions greedy(int maxNewTokens) {
        return builder().maxNewTokens(maxNewTokens).build();
    }

    /** Returns a builder: 64 likeliest tokens, ending at the model's own end tokens. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns whether tokens are drawn and not simply the likeliest. */
    public boolean samples() {
        return temperature > 0;
    }

    GenerationOptions withStopTokens(List<Long> ids) {
        return new GenerationOptions(
                maxNewTokens,
                minNewTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                ids,
                stopStrings,
                logitBias);
    }

    /** Builds options; what is not said stays at its default. */
    public static final class Builder {
        private int maxNewTokens = 64;
        private int minNewTokens;
        private double temperature;
        private int topK;
        private double topP = 1;
        private double minP;
        private double repetitionPenalty = 1;
        private long seed;
        private List<Long> stopTokens = OF_MODEL;
        private List<String> stopStrings = List.of();
        private final Map<Long, Double> logitBias = new TreeMap<>();

        private Builder() {}

        /** Sets how many tokens are added at most. */
        public Builder maxNewTokens(int count) {
            this.maxNewTokens = count;
            return this;
        }

        /** Sets before how many tokens no stop token is chosen. */
        public Builder minNewTokens(int count) {
            this.minNewTokens = count;
            return this;
        }

        /** Sets what logits are divided by before a token is drawn; 0 takes the likeliest. */
        public Builder temperature(double value) {
            this.temperature = value;
            return this;
        }

        /** Sets from how many of the likeliest tokens one is drawn. */
        public Builder topK(int count) {
            this.topK = count;
            return this;
        }

        /** Sets how much probability the tokens have together from which one is drawn. */
        public Builder topP(double probability) {
            this.topP = probability;
            return this;
        }

        /** Sets which share of the likeliest one's probability a token must have. */
        public Builder minP(double share) {
            this.minP = share;
            return this;
        }

        /** Sets how much less likely tokens are that are there already. */
        public Builder repetitionPenalty(double penalty) {
            this.repetitionPenalty = penalty;
            return this;
        }

        /** Sets the seed of the draws. */
        public Builder seed(long value) {
            this.seed = value;
            return this;
        }

        /** Sets the ids that end a row, in place of the model's own; none to go on to the maximum. */
        public Builder stopTokens(long... ids) {
            this.stopTokens = Arrays.stream(ids).boxed().toList();
            return this;
        }

        /** Sets texts that end a row. */
        public Builder stopStrings(String... texts) {
            this.stopStrings = List.of(texts);
            return this;
        }

        /** Adds to the logit of a token; negative infinity forbids it. */
        public Builder logitBias(long token, double bias) {
            this.logitBias.put(token, bias);
            return this;
        }

        /**
         * Returns the options.
         *
         * @throws SondeException {@code bad-option} if one makes no sense
         */
        public GenerationOptions build() {
            return new GenerationOptions(
                    maxNewTokens,
                    minNewTokens,
                    temperature,
                    topK,
                    topP,
                    minP,
                    repetitionPenalty,
                    seed,
                    stopTokens,
                    stopStrings,
                    logitBias);
        }
    }
}
