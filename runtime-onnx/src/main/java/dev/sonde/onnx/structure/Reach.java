package dev.sonde.onnx.structure;

import java.util.BitSet;

/** Which nodes a node depends on. */
final class Reach {
    private Reach() {}

    /** Returns all nodes from {@code first} on that {@code node} depends on, itself included. */
    static BitSet upstream(Graph graph, int node, int first) {
        BitSet reached = new BitSet();
        reached.set(node);
        for (int i = node; i >= first && i >= 0; i = reached.previousSetBit(i - 1)) {
            for (String value : graph.uses(i)) {
                int producer = graph.producer(value);
                if (producer >= first && producer != Graph.NONE) {
                    reached.set(producer);
                }
            }
            if (i == 0) {
                break;
            }
        }
        return reached;
    }
}
