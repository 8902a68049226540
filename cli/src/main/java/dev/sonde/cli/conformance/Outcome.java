package dev.sonde.cli.conformance;

import dev.sonde.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What became of a case on a file.
 *
 * @param verdict the judgement
 * @param state what the model did with the case, whatever the judgement
 * @param detail largest error, reason or missing capability, in one line
 * @param values what came back, by {@code run/name}
 */
public record Outcome(Verdict verdict, State state, String detail, Map<String, Tensor> values) {
    /** The judgement. */
    public enum Verdict {
        /** All numbers are right. */
        PASSED,
        /** A number is wrong, something broke, or something was refused that must run, or the other way round. */
        FAILED,
        /** The file lacks what the case needs, and the case was refused with a clear error. */
        REFUSED,
        /** Something is missing that the case needs. */
        UNSUPPORTED
    }

    /** What the model did. */
    public enum State {
        /** It returned numbers. */
        RAN,
        /** It refused with an error that says what the file does not have. */
        REFUSED,
        /** It failed with any other error. */
        FAILED,
        /** It was not asked, or could not. */
        UNSUPPORTED
    }

    /** Copies its map. */
    public Outcome {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    static Outcome unsupported(String capability) {
        return new Outcome(Verdict.UNSUPPORTED, State.UNSUPPORTED, capability, Map.of());
    }

    static Outcome ran(Verdict verdict, String detail, Map<String, Tensor> values) {
        return new Outcome(verdict, State.RAN, detail, values);
    }

    static Outcome refused(Verdict verdict, String detail) {
        return new Outcome(verdict, State.REFUSED, detail, Map.of());
    }

    static Outcome broken(String detail) {
        return new Outcome(Verdict.FAILED, State.FAILED, detail, Map.of());
    }

    /** Returns the line that people read. */
    @Override
    public String toString() {
        return switch (verdict) {
            case PASSED -> "pass (" + detail + ")";
            case FAILED -> "FAIL " + detail;
            case REFUSED -> "refused as required: " + detail;
            case UNSUPPORTED -> "unsupported (" + detail + ")";
        };
    }
}
