package dev.sonde.processor;

import java.util.List;
import javax.annotation.processing.Messager;
import javax.lang.model.element.Element;
import javax.tools.Diagnostic;

/** What is wrong with an experiment, all at once. */
record ValidationReport(List<Problem> problems) {
    /**
     * One mistake.
     *
     * @param where the element that javac shall point at
     * @param message code, what is wrong, expected and found
     */
    record Problem(Element where, String message) {}

    ValidationReport {
        problems = List.copyOf(problems);
    }

    boolean isClean() {
        return problems.isEmpty();
    }

    void printTo(Messager messager) {
        problems.forEach(problem -> messager.printMessage(Diagnostic.Kind.ERROR, problem.message(), problem.where()));
    }
}
