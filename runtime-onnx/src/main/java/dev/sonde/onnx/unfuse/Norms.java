package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** LayerNormalization, and RMSNormalization under both its names, over the last axis. */
final class Norms implements Decomposition {
    private final boolean centred;

    /** @param centred whether the mean is taken away first */
    Norms(boolean centred) {
        this.centred = centred;
    }

    @Override
    public void write(Parts parts) {
        parts.refuseOutputs(1, 2);
        long axis = parts.number("axis", -1);
        Parts.require(axis == -1 || axis == parts.rank(0) - 1, "it norms over several axes");
        Parts.require(parts.dtype(0) == DType.FLOAT32, "it computes with " + parts.dtype(0));
        String x = parts.input(0);
        if (centred) {
            x = parts.add("centred", "Sub", List.of(x, parts.mean("mean", x)));
        }
        String square = parts.mean("variance", parts.add("squared", "Mul", List.of(x, x)));
        String safe =
                parts.add("safe", "Add", List.of(square, parts.scalar(parts.real("epsilon", 1e-5f), DType.FLOAT32)));
        String normal = parts.add("normal", "Div", List.of(x, parts.add("scale", "Sqrt", List.of(safe))));
        if (parts.has(2)) {
            String scaled = parts.add("scaled", "Mul", List.of(normal, parts.input(1)));
            parts.into(parts.output(0), "moved", "Add", List.of(scaled, parts.input(2)));
        } else {
            parts.into(parts.output(0), "scaled", "Mul", List.of(normal, parts.input(1)));
        }
    }
}
