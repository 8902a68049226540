package dev.sonde.spi;

import dev.sonde.graph.InterventionGraph;

/** A graph that was checked against a model and priced; ready to run any number of times. */
public interface Prepared {
    /** Returns the graph. */
    InterventionGraph graph();

    /** Returns the estimate. */
    Cost cost();

    /** Returns a text that is equal for graphs that can share sessions. */
    String structureKey();
}
