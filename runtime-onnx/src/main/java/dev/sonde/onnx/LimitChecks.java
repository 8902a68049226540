package dev.sonde.onnx;

import dev.sonde.SondeException;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;

/** Refuses graphs that ask for too much. */
final class LimitChecks {
    private LimitChecks() {}

    /** Checks what can be counted before anything is planned. */
    static void check(InterventionGraph graph, Limits limits) {
        check("nodes", graph.nodes().size(), limits.nodes());
        check("runs", graph.runs().size(), limits.runs());
        for (Node node : graph.nodes()) {
            if (!limits.anyOperator() && (node instanceof Node.Onnx || node instanceof Node.Local)) {
                throw new SondeException(
                        "operator-not-allowed",
                        "The experiment uses "
                                + (node instanceof Node.Onnx onnx ? "ONNX's " + onnx.operator() : "Java code")
                                + ": expected Sonde's own operators here");
            }
        }
    }

    static void check(Cost cost, Limits limits) {
        check("tokens", cost.tokens(), limits.tokens());
        check("resultBytes", cost.resultBytes(), limits.resultBytes());
    }

    private static void check(String name, long found, long limit) {
        if (found > limit) {
            throw new SondeException(
                    "over-limit",
                    "The experiment is over the limit '" + name + "': expected at most " + limit + " but was " + found);
        }
    }
}
