package dev.sonde.onnx.unfuse;

import java.util.List;

/** A bias in front of an activation: the bias is the end of the projection. */
final class Biased implements Decomposition {
    private final String activation;

    /** @param activation the same without a bias, of com.microsoft */
    Biased(String activation) {
        this.activation = activation;
    }

    @Override
    public void write(Parts parts) {
        Parts.require(parts.has(1), "it has no bias: what it bends is its input");
        String biased = parts.add("bias", "Add", List.of(parts.input(0), parts.input(1)));
        parts.into(parts.output(0), "activation", Parts.CONTRIB, activation, List.of(biased));
    }
}
