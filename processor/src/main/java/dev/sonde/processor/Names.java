package dev.sonde.processor;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.ParameterizedTypeName;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** Every name that generated code is written against, and the names that it gets. */
final class Names {
    static final String EXPERIMENT = "dev.sonde.Experiment";
    static final String PARAM = "dev.sonde.Param";
    static final String BODY = "dev.sonde.Body";
    static final String SESSION = "dev.sonde.Session";
    static final String SAVED_TENSOR = "dev.sonde.Saved<dev.sonde.Tensor>";

    static final ClassName MODEL = ClassName.get("dev.sonde", "Model");
    static final ClassName RECORDING = ClassName.get("dev.sonde", "Recording");
    static final ClassName SAVED = ClassName.get("dev.sonde", "Saved");
    static final ClassName SITE = ClassName.get("dev.sonde", "Site");
    static final ClassName TENSOR = ClassName.get("dev.sonde", "Tensor");
    static final ClassName GRAPH = ClassName.get("dev.sonde.graph", "InterventionGraph");
    static final ClassName RESULTS = ClassName.get("dev.sonde.spi", "Results");
    static final ClassName EXPERIMENT_SPEC = ClassName.get("dev.sonde.runner", "ExperimentSpec");
    static final ClassName EXPERIMENT_MAIN = ClassName.get("dev.sonde.runner", "ExperimentMain");
    static final ClassName PARAM_SPEC = ClassName.get("dev.sonde.runner", "ParamSpec");
    static final ClassName GENERATED = ClassName.get("javax.annotation.processing", "Generated");

    /** The options that every runner has; no parameter may be called so. */
    static final Set<String> RUNNER_OPTIONS =
            Set.of("model", "remote", "api-key", "print", "check", "save", "report", "pictures", "stacktrace", "help");

    /** The methods that every builder has. */
    static final Set<String> BUILDER_METHODS =
            Set.of("build", "getClass", "hashCode", "notify", "notifyAll", "toString", "wait");

    private static final String KINDS = "dev.sonde.kind";
    private static final Set<String> KNOWN_KINDS = Set.of(
            "Any", "HeadResults", "Heads", "Ids", "Logits", "MlpHidden", "NormScale", "Pattern", "Residual", "Scores");
    private static final Pattern LANGUAGE_MODEL = Pattern.compile("(\\p{L}{3,})lm(\\d*)");

    private Names() {}

    /** Returns {@code NameRecallExperiment}; nested classes keep their outer names, joined by underscores. */
    static ClassName experiment(ClassName type) {
        return sibling(type, "Experiment");
    }

    static ClassName result(ClassName type) {
        return sibling(type, "Result");
    }

    static ClassName runner(ClassName type) {
        return sibling(type, "Runner");
    }

    private static ClassName sibling(ClassName type, String suffix) {
        return ClassName.get(type.packageName(), String.join("_", type.simpleNames()) + suffix);
    }

    /** Returns {@code Site<Residual>}. */
    static ParameterizedTypeName site(String kind) {
        return ParameterizedTypeName.get(SITE, ClassName.get(KINDS, KNOWN_KINDS.contains(kind) ? kind : "Any"));
    }

    /** Returns {@code SmolLm2} for {@code smollm2}, {@code AllMiniLmL6V2} for {@code all-MiniLM-L6-v2}. */
    static String handles(String model) {
        StringBuilder name = new StringBuilder();
        for (String word : model.replaceAll("(\\p{Ll})(\\p{Lu})", "$1 $2").split("[^\\p{L}\\p{N}]+", -1)) {
            String lower = word.toLowerCase(Locale.ROOT);
            var lm = LANGUAGE_MODEL.matcher(lower);
            name.append(lm.matches() ? capital(lm.group(1)) + "Lm" + lm.group(2) : capital(lower));
        }
        return name.isEmpty() || !Character.isJavaIdentifierStart(name.charAt(0)) ? "Model" + name : name.toString();
    }

    /** Returns {@code residPost} for {@code resid_post}, {@code layerNorm} for {@code LayerNorm}. */
    static String method(String name) {
        StringBuilder camel = new StringBuilder();
        for (String word : name.split("[^\\p{L}\\p{N}]+", -1)) {
            camel.append(camel.isEmpty() ? uncapital(word) : capital(word));
        }
        if (camel.isEmpty() || !Character.isJavaIdentifierStart(camel.charAt(0))) {
            camel.insert(0, '_');
        }
        return camel.toString();
    }

    /** Returns {@code SelfAttn} for {@code self_attn}. */
    static String type(String name) {
        String method = method(name);
        return method.startsWith("_") ? "Module" + method.substring(1) : capital(method);
    }

    static String capital(String word) {
        return word.isEmpty() ? word : word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
    }

    private static String uncapital(String word) {
        // A word in capitals, such as an abbreviation, is one word.
        boolean allCapitals = word.length() > 1 && word.equals(word.toUpperCase(Locale.ROOT));
        return word.isEmpty() || allCapitals
                ? word.toLowerCase(Locale.ROOT)
                : word.substring(0, 1).toLowerCase(Locale.ROOT) + word.substring(1);
    }
}
