package dev.sonde.onnx.structure;

import java.util.Optional;

/**
 * One attention, found by its pattern.
 *
 * @param softmax number of the Softmax node
 * @param mix number of the product with the values
 * @param scores what the softmax receives
 * @param pattern what multiplies the values
 * @param q queries before scaling
 * @param k keys before scaling and before heads are repeated
 * @param v values before heads are repeated
 */
record Attention(int softmax, int mix, Tap scores, Tap pattern, Optional<Tap> q, Optional<Tap> k, Optional<Tap> v) {
    /**
     * A value where one reader sees it.
     *
     * @param value its name
     * @param reader number of the node that reads it
     * @param view from the value to what is meant
     */
    record Tap(String value, int reader, View view) {
        Tap(String value, int reader) {
            this(value, reader, View.IDENTITY);
        }
    }
}
