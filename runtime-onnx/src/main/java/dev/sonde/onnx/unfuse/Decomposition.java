package dev.sonde.onnx.unfuse;

/** Writes one kind of fused operator in other operators. */
interface Decomposition {
    /**
     * Writes nodes that make all outputs of the operator.
     *
     * @throws Closed if the operator is used in a form that is not known here
     */
    void write(Parts parts);

    /** Says why a fused operator stays as it is. */
    final class Closed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Closed(String reason) {
            super(reason, null, false, false);
        }

        String reason() {
            return String.valueOf(getMessage());
        }
    }
}
