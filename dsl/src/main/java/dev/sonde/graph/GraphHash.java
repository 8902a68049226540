package dev.sonde.graph;

import dev.sonde.Tensor;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeMap;

/** Hashes a graph: its text, which shortens tensors, and all tensors. */
final class GraphHash {
    private final MessageDigest digest;

    private GraphHash() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    static String of(InterventionGraph graph) {
        GraphHash hash = new GraphHash();
        hash.digest.update((graph.model() + "\n" + graph).getBytes(StandardCharsets.UTF_8));
        for (RunInput run : graph.runs()) {
            new TreeMap<>(run.tensors()).values().forEach(hash::add);
        }
        for (Node node : graph.nodes()) {
            if (node instanceof Node.Constant constant) {
                hash.add(constant.value());
            }
        }
        return HexFormat.of().formatHex(hash.digest.digest());
    }

    private void add(Tensor tensor) {
        digest.update(tensor.describe().getBytes(StandardCharsets.UTF_8));
        digest.update(tensor.bytes());
    }
}
