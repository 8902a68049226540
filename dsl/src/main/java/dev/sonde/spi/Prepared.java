package dev.sonde.spi;

import dev.sonde.graph.InterventionGraph;

/** A graph that was checked against a model and priced; ready to run any number of times. */
public interface Prepared {
    /** Returns the graph. */
    InterventionGraph graph();

    /** Returns the estimate. */
    Cost cost();

    /** Returns in words how the graph will be run: what is merged, batched, cut, reused and dropped, and what it will take. */
    default String explain() {
        Cost cost = cost();
        return cost.rows() + " rows, " + cost.tokens() + " tokens, " + cost.resultBytes() + " bytes of results\n";
    }

    /** Returns a text that is equal for graphs that can share sessions. */
    String structureKey();
}
