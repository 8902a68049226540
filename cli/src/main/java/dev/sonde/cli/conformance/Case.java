package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One case of a suite.
 *
 * @param name its name
 * @param kind {@code trace}, {@code grad}, {@code train} or {@code generate}
 * @param needs capabilities that a file must have to run it
 * @param tolerance how far results may be off
 * @param runs what is executed, in order
 * @param mistakes results that plausible mistakes lead to
 */
public record Case(
        String name, String kind, Set<String> needs, Tolerance tolerance, List<CaseRun> runs, List<Mistake> mistakes) {

    /**
     * Tensors that a plausible mistake produces.
     *
     * @param run id of the run
     * @param why what the mistake is
     * @param values keys of the wrong tensors by the names that they are bound to
     */
    record Mistake(String run, String why, Map<String, String> values) {
        static Mistake parse(JsonObject json) {
            return new Mistake(
                    json.get("run").getAsString(), json.get("why").getAsString(), Json.texts(json.get("values")));
        }
    }

    /** Copies its parts. */
    public Case {
        needs = Set.copyOf(needs);
        runs = List.copyOf(runs);
        mistakes = List.copyOf(mistakes);
    }

    static Case parse(JsonObject json) {
        JsonObject tolerance = json.getAsJsonObject("tolerance");
        return new Case(
                json.get("name").getAsString(),
                json.get("kind").getAsString(),
                new LinkedHashSet<>(Json.list(json.get("needs"), JsonElement::getAsString)),
                new Tolerance(
                        tolerance.get("abs").getAsDouble(), tolerance.get("rel").getAsDouble()),
                Json.list(json.get("runs"), run -> CaseRun.parse(run.getAsJsonObject())),
                Json.list(json.get("wrong_if"), wrong -> Mistake.parse(wrong.getAsJsonObject())));
    }

    /** Returns the keys of all expected tensors by {@code run/name}. */
    Map<String, String> expected() {
        Map<String, String> keys = new LinkedHashMap<>();
        for (CaseRun run : runs) {
            run.expected().forEach((name, key) -> keys.put(run.id() + "/" + name, key));
        }
        return keys;
    }
}
