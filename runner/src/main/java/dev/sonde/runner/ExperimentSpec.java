package dev.sonde.runner;

import dev.sonde.Model;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.spi.Results;
import java.util.List;
import java.util.Map;

/** An experiment as its runner sees it; the annotation processor writes the implementations. */
public interface ExperimentSpec {
    /** Returns the experiment's name, such as {@code NameRecall}. */
    String name();

    /** Returns what it finds out, in a sentence or two; may be empty. */
    String describe();

    /** Returns the name of the model that it was written for. */
    String defaultModel();

    /** Returns its parameters, in the order of their declaration. */
    List<ParamSpec> params();

    /**
     * Records the experiment without running it, its saved values named as in its record of results.
     *
     * @param params a value of the right kind for each of {@link #params()}, by name
     */
    InterventionGraph record(Model model, Map<String, String> params);

    /**
     * Adds what the experiment wants to show in its own way, before the tables of all results.
     *
     * @param params as given to {@link #record}
     */
    default void present(Report report, Model model, Map<String, String> params, Results results) {}
}
