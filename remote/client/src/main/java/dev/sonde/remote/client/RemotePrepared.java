package dev.sonde.remote.client;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Prepared;

/** A graph that a service has checked and priced. */
record RemotePrepared(InterventionGraph graph, Cost cost, String structureKey) implements Prepared {}
