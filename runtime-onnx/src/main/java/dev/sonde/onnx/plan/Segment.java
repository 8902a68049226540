package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.List;
import java.util.Set;

/**
 * A part of a program that is opened, run and closed before the next.
 *
 * @param nodes in the order of the program
 * @param reads what they read that none of them makes: inputs, constants, and what earlier segments give
 * @param gives what later segments read, and what the program returns
 */
public record Segment(List<NodeProto> nodes, Set<String> reads, List<String> gives) {
    /** Copies its parts. */
    public Segment {
        nodes = List.copyOf(nodes);
        reads = Set.copyOf(reads);
        gives = List.copyOf(gives);
    }
}
