package dev.sonde.onnx.file;

import java.util.List;

/**
 * A constant that the model computes from another tensor by moving elements only.
 *
 * @param source the name of the tensor it was computed from; that name may no longer exist in the skeleton
 * @param permutation axis {@code i} of the constant is axis {@code permutation.get(i)} of the source; empty when the constant
 *     is an unchanged copy
 */
public record Rearranged(String source, List<Integer> permutation) {
    public Rearranged {
        permutation = List.copyOf(permutation);
    }
}
