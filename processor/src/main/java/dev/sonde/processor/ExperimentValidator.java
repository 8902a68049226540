package dev.sonde.processor;

import dev.sonde.processor.ValidationReport.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.Modifier;

/** Says what keeps a class from being an experiment. */
final class ExperimentValidator {
    private static final String TYPES = "String, int, long, double, boolean or List<String>";

    ValidationReport validate(ExperimentDescriptor experiment) {
        List<Problem> problems = new ArrayList<>();
        checkClass(experiment, problems);
        for (Element inherited : experiment.inherited()) {
            problems.add(problem(
                    experiment.where(),
                    "inherited-member",
                    "@Param or @Body '%s' of a superclass is not part of this experiment: declare @Param fields and the @Body method"
                            + " in '%s' itself",
                    inherited.getSimpleName(),
                    experiment.type().simpleName()));
        }
        experiment.params().forEach(param -> checkParam(param, problems));
        checkBodies(experiment, problems);
        return new ValidationReport(problems);
    }

    private static void checkClass(ExperimentDescriptor experiment, List<Problem> problems) {
        describeClass(experiment)
                .ifPresent(found -> problems.add(problem(
                        experiment.where(),
                        "experiment-class",
                        "@Experiment '%s': expected a top-level or static nested class that is not private, abstract or"
                                + " generic, but was %s",
                        experiment.type().simpleName(),
                        found)));
        if (experiment.kind() == ElementKind.CLASS && !experiment.isConstructible()) {
            problems.add(problem(
                    experiment.where(),
                    "experiment-constructor",
                    "@Experiment '%s' has no constructor that can be called: expected one without parameters and"
                            + " without checked exceptions that is not private",
                    experiment.type().simpleName()));
        }
        if (!experiment.model().isEmpty() && !SourceVersion.isName(experiment.handles())) {
            problems.add(problem(
                    experiment.where(),
                    "handles-name",
                    "'%s' is no name for a class of handles: expected a simple name such as '%s'",
                    experiment.handles(),
                    Names.handles(experiment.model())));
        }
    }

    private static Optional<String> describeClass(ExperimentDescriptor experiment) {
        if (experiment.kind() != ElementKind.CLASS) {
            return Optional.of("of kind " + experiment.kind().name().toLowerCase(java.util.Locale.ROOT));
        }
        if (experiment.isHidden()) {
            return Optional.of("private, or inside a private class");
        }
        if (experiment.isInner()) {
            return Optional.of("an inner class without 'static'");
        }
        if (experiment.modifiers().contains(Modifier.ABSTRACT)) {
            return Optional.of("abstract");
        }
        return experiment.isGeneric() ? Optional.of("generic") : Optional.empty();
    }

    private static void checkParam(ParamDescriptor param, List<Problem> problems) {
        for (Modifier modifier : List.of(Modifier.PRIVATE, Modifier.FINAL, Modifier.STATIC)) {
            if (param.modifiers().contains(modifier)) {
                problems.add(problem(
                        param.where(),
                        "param-modifier",
                        "@Param '%s' must not be %s: the generated builder sets it on a fresh instance",
                        param.name(),
                        modifier));
            }
        }
        if (param.type().isEmpty()) {
            problems.add(problem(
                    param.where(),
                    "param-type",
                    "@Param '%s': expected %s but was %s",
                    param.name(),
                    TYPES,
                    ExperimentReader.simple(param.declared().toString())));
        } else if (param.token() && !param.type().get().isText()) {
            problems.add(problem(
                    param.where(),
                    "param-token",
                    "@Param(token = true) '%s': expected String or List<String> but was %s",
                    param.name(),
                    ExperimentReader.simple(param.declared().toString())));
        }
        checkName(param, Names.RUNNER_OPTIONS, "every runner has an option --" + param.name(), problems);
        checkName(param, Names.BUILDER_METHODS, "every builder has a method " + param.name() + "()", problems);
    }

    private static void checkName(ParamDescriptor param, Set<String> taken, String reason, List<Problem> problems) {
        if (taken.contains(param.name())) {
            problems.add(
                    problem(param.where(), "param-name", "A @Param cannot be called '%s': %s", param.name(), reason));
        }
    }

    private static void checkBodies(ExperimentDescriptor experiment, List<Problem> problems) {
        List<BodyDescriptor> bodies = experiment.bodies();
        if (bodies.isEmpty() && experiment.inherited().isEmpty() && experiment.kind() == ElementKind.CLASS) {
            problems.add(problem(
                    experiment.where(),
                    "no-body",
                    "@Experiment '%s' has no @Body: expected one method 'R body(Session s)', where R is a record whose"
                            + " components are all Saved<Tensor>",
                    experiment.type().simpleName()));
        }
        for (BodyDescriptor second : bodies.subList(Math.min(1, bodies.size()), bodies.size())) {
            problems.add(problem(
                    second.where(),
                    "two-bodies",
                    "@Experiment '%s' has %d @Body methods: expected one but was %s",
                    experiment.type().simpleName(),
                    bodies.size(),
                    bodies.stream().map(BodyDescriptor::name).toList()));
        }
        bodies.forEach(body -> checkBody(body, problems));
    }

    private static void checkBody(BodyDescriptor body, List<Problem> problems) {
        if (!body.parameters().equals(List.of(Names.SESSION))) {
            problems.add(problem(
                    body.where(),
                    "body-signature",
                    "@Body '%s': expected 'R %s(Session)' but was '%s'",
                    body.name(),
                    body.name(),
                    body.signature()));
        }
        for (Modifier modifier : List.of(Modifier.PRIVATE, Modifier.STATIC)) {
            if (body.modifiers().contains(modifier)) {
                problems.add(problem(
                        body.where(),
                        "body-modifier",
                        "@Body '%s' must not be %s: it is called on an instance that has the parameters",
                        body.name(),
                        modifier));
            }
        }
        if (!body.checked().isEmpty()) {
            problems.add(problem(
                    body.where(),
                    "body-throws",
                    "@Body '%s' must not throw checked exceptions but declares %s: it records, nothing runs in it",
                    body.name(),
                    body.checked()));
        }
        checkResult(body, problems);
    }

    private static void checkResult(BodyDescriptor body, List<Problem> problems) {
        BodyDescriptor.Result result = body.result();
        if (!result.isRecord()) {
            problems.add(problem(
                    body.where(),
                    "body-result",
                    "@Body '%s': expected a result that is a record whose components are all Saved<Tensor>, but was %s",
                    body.name(),
                    ExperimentReader.simple(result.type().toString())));
            return;
        }
        if (result.isHidden()) {
            problems.add(problem(
                    body.where(),
                    "body-result",
                    "@Body '%s' returns '%s', which is private: the generated builder could not name it",
                    body.name(),
                    ExperimentReader.simple(result.type().toString())));
        }
        if (result.components().isEmpty()) {
            problems.add(problem(
                    body.where(),
                    "body-result",
                    "@Body '%s' returns '%s', which has no components: expected at least one Saved<Tensor>",
                    body.name(),
                    ExperimentReader.simple(result.type().toString())));
        }
        for (BodyDescriptor.Component component : result.components()) {
            if (!component.type().equals(Names.SAVED_TENSOR)) {
                problems.add(problem(
                        component.where(),
                        "body-result",
                        "Component '%s' of '%s': expected Saved<Tensor> but was %s",
                        component.name(),
                        ExperimentReader.simple(result.type().toString()),
                        ExperimentReader.simple(component.type())));
            }
        }
    }

    private static Problem problem(Element where, String code, String message, Object... arguments) {
        return new Problem(
                where,
                "[" + code + "] " + String.format(java.util.Locale.ROOT, message, arguments) + "\n  See docs/errors.md#"
                        + code);
    }
}
