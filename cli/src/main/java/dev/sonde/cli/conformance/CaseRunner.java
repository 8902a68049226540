package dev.sonde.cli.conformance;

import dev.sonde.Model;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Runs the cases of a suite on one of its files, and judges what comes back. */
public final class CaseRunner {
    private static final Set<String> KINDS = Set.of("trace", "generate", "grad", "train");
    private static final Set<String> CAPABILITIES = Set.of("with_past", "attn_probs", "qkv", "identity_modules");
    /** Errors that say clearly that a file does not have what was asked for. */
    private static final Set<String> REFUSALS =
            Set.of("absent-site", "unknown-site", "unknown-module", "not-callable", "read-only-site");

    private final Suite suite;
    private final SuiteFile file;
    private final Model model;

    /** Returns a runner for the cases of {@code suite} on {@code file}, opened as {@code model}. */
    public CaseRunner(Suite suite, SuiteFile file, Model model) {
        this.suite = suite;
        this.file = file;
        this.model = model;
    }

    /** Runs a case and judges it; errors are judged, not thrown. */
    public Outcome run(Case one) {
        if (!KINDS.contains(one.kind())) {
            return Outcome.unsupported(one.kind());
        }
        boolean mustRefuse = one.needs().stream()
                .anyMatch(need -> !need.equals("with_past") && file.lacks().contains(need));
        // Suites may use words that this runner never heard of: the case is tried, and only a refusal is blamed on
        // them.
        Optional<String> strange = one.needs().stream()
                .filter(need -> !CAPABILITIES.contains(need))
                .findFirst();
        try {
            Map<String, Tensor> values = values(one);
            return mustRefuse
                    ? Outcome.ran(
                            Outcome.Verdict.FAILED,
                            "must be refused, because the file lacks what it needs, but ran",
                            values)
                    : judge(one, values);
        } catch (UnsupportedCapability e) {
            return Outcome.unsupported(e.capability());
        } catch (SondeException e) {
            return refusal(e, mustRefuse, strange);
        } catch (RuntimeException e) {
            return Outcome.broken("broke with " + e);
        }
    }

    private Outcome refusal(SondeException e, boolean mustRefuse, Optional<String> strange) {
        String message = "[" + e.code() + "] " + firstLine(e.problem());
        boolean clear = REFUSALS.contains(e.code());
        if (clear && (mustRefuse || file.mayRefuse())) {
            return Outcome.refused(Outcome.Verdict.REFUSED, message);
        }
        if (e.code().startsWith("unsupported")) {
            return Outcome.unsupported(message);
        }
        if (clear && strange.isPresent()) {
            return Outcome.unsupported(strange.get());
        }
        return clear ? Outcome.refused(Outcome.Verdict.FAILED, message) : Outcome.broken(message);
    }

    private static String firstLine(String text) {
        return text.lines().map(String::strip).limit(2).collect(Collectors.joining(" "));
    }

    private Map<String, Tensor> values(Case one) {
        if (one.kind().equals("train")) {
            return TrainCase.values(suite, model, one);
        }
        Map<String, Supplier<Tensor>> saved = model.session(session -> new CaseRecording(suite, session).record(one));
        Map<String, Tensor> values = new LinkedHashMap<>();
        saved.forEach((name, handle) -> values.put(name, handle.get()));
        return values;
    }

    private Outcome judge(Case one, Map<String, Tensor> values) {
        double worst = 0;
        String where = "";
        for (Map.Entry<String, String> each : one.expected().entrySet()) {
            Tensor got = Objects.requireNonNull(values.get(each.getKey()));
            Comparison comparison = Comparison.of(got, suite.tensor(each.getValue()), one.tolerance());
            if (!comparison.ok()) {
                return Outcome.ran(
                        Outcome.Verdict.FAILED,
                        each.getKey() + " " + comparison.problem() + hint(one, each.getKey(), got),
                        values);
            }
            if (comparison.error() >= worst) {
                worst = comparison.error();
                where = each.getKey();
            }
        }
        return Outcome.ran(
                Outcome.Verdict.PASSED, String.format(Locale.ROOT, "largest error %.2g in %s", worst, where), values);
    }

    /** Returns which known mistake a wrong tensor looks like. */
    private String hint(Case one, String name, Tensor got) {
        for (Case.Mistake mistake : one.mistakes()) {
            for (Map.Entry<String, String> each : mistake.values().entrySet()) {
                if (name.equals(mistake.run() + "/" + each.getKey())
                        && Comparison.of(got, suite.tensor(each.getValue()), one.tolerance())
                                .ok()) {
                    return "; it looks as if " + mistake.why();
                }
            }
        }
        return "";
    }
}
