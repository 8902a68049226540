package dev.sonde.onnx.run;

import dev.sonde.GenerationOptions;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Chooses the next token from logits, as Hugging Face's logits processors do, in their order. */
final class TokenChoice {
    private final GenerationOptions options;

    TokenChoice(GenerationOptions options) {
        this.options = options;
    }

    /** Returns whether logits are changed before the likeliest is taken or one is drawn. */
    boolean changes() {
        return !options.logitBias().isEmpty() || options.repetitionPenalty() != 1 || options.minNewTokens() > 0;
    }

    /**
     * Returns a token.
     *
     * @param logits of all tokens; they are changed
     * @param tokens prompt and new tokens
     * @param promptLength how many of them are the prompt's
     * @param row number of the prompt
     */
    int choose(float[] logits, List<Long> tokens, int promptLength, int row) {
        int step = tokens.size() - promptLength;
        process(logits, tokens, step);
        return options.samples() ? drawn(probabilities(logits), uniform(options.seed(), row, step)) : likeliest(logits);
    }

    /** Changes logits as is asked for, besides what draws alone look at. */
    void process(float[] logits, List<Long> tokens, int step) {
        for (Map.Entry<Long, Double> bias : options.logitBias().entrySet()) {
            if (bias.getKey() >= 0 && bias.getKey() < logits.length) {
                logits[bias.getKey().intValue()] += bias.getValue().floatValue();
            }
        }
        if (options.repetitionPenalty() != 1) {
            float penalty = (float) options.repetitionPenalty();
            for (long token : new HashSet<>(tokens)) {
                int at = (int) token;
                logits[at] = logits[at] < 0 ? logits[at] * penalty : logits[at] / penalty;
            }
        }
        if (step < options.minNewTokens()) {
            for (long token : options.stopTokens()) {
                if (token >= 0 && token < logits.length) {
                    logits[(int) token] = Float.NEGATIVE_INFINITY;
                }
            }
        }
    }

    /** Of equal ones the first is taken; what is no number is never taken. */
    private static int likeliest(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best] || Float.isNaN(logits[best])) {
                best = i;
            }
        }
        return best;
    }

    /** Returns how likely each token is to be drawn; logits are changed. */
    double[] probabilities(float[] logits) {
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= (float) options.temperature();
        }
        keepTopK(logits);
        double[] probabilities = softmax(logits);
        if (options.topP() < 1) {
            keepTopP(logits, probabilities);
            probabilities = softmax(logits);
        }
        if (options.minP() > 0) {
            double least = options.minP() * Arrays.stream(probabilities).max().orElse(0);
            for (int i = 0; i < logits.length; i++) {
                logits[i] = probabilities[i] < least ? Float.NEGATIVE_INFINITY : logits[i];
            }
            probabilities = softmax(logits);
        }
        return probabilities;
    }

    private void keepTopK(float[] logits) {
        if (options.topK() > 0 && options.topK() < logits.length) {
            float[] sorted = logits.clone();
            Arrays.sort(sorted);
            float least = sorted[sorted.length - options.topK()];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = logits[i] < least ? Float.NEGATIVE_INFINITY : logits[i];
            }
        }
    }

    /** Drops the unlikeliest that together have at most {@code 1 - topP}; the likeliest always stays. */
    private void keepTopP(float[] logits, double[] probabilities) {
        int[] rising = IntStream.range(0, logits.length)
                .boxed()
                .sorted(java.util.Comparator.comparingDouble(i -> logits[i]))
                .mapToInt(Integer::intValue)
                .toArray();
        double sum = 0;
        for (int i = 0; i < rising.length - 1; i++) {
            sum += probabilities[rising[i]];
            if (sum > 1 - options.topP()) {
                return;
            }
            logits[rising[i]] = Float.NEGATIVE_INFINITY;
        }
    }

    static double[] softmax(float[] logits) {
        float largest = Float.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = Math.exp(logits[i] - largest);
            sum += probabilities[i];
        }
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }

    private static int drawn(double[] probabilities, double uniform) {
        double sum = 0;
        int last = 0;
        for (int i = 0; i < probabilities.length; i++) {
            if (probabilities[i] > 0) {
                sum += probabilities[i];
                last = i;
                if (uniform < sum) {
                    return i;
                }
            }
        }
        return last;
    }

    /** Returns a number of [0, 1) that depends on nothing but these: SplitMix64 (Steele, Lea and Flood, 2014). */
    static double uniform(long seed, int row, int step) {
        return (mix(mix(mix(seed) + row) + step) >>> 11) * 0x1.0p-53;
    }

    private static long mix(long seed) {
        long z = seed + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
