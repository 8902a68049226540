package dev.sonde.onnx.reuse;

import dev.sonde.manifest.Size;
import java.util.List;
import java.util.Optional;

/**
 * The size of an axis as a product, when no past is given.
 *
 * @param factor a number
 * @param batches how often it is multiplied with the number of rows
 * @param positions how often it is multiplied with the number of positions
 */
public record Extent(long factor, int batches, int positions) {
    static final Extent ONE = new Extent(1, 0, 0);
    static final Extent POSITIONS = new Extent(1, 0, 1);
    static final Extent BATCH = new Extent(1, 1, 0);
    static final Extent MERGED = new Extent(1, 1, 1);
    static final Extent NONE = new Extent(0, 0, 0);

    /** Returns the product that a size is; nothing if it is another formula. */
    static Optional<Extent> of(Size size) {
        List<Size.Term> terms = size.terms().stream()
                .filter(term -> !term.symbols().contains("past"))
                .toList();
        if (size.terms().isEmpty() || terms.size() > 1) {
            return Optional.empty();
        }
        return terms.isEmpty() ? Optional.of(NONE) : of(terms.get(0));
    }

    private static Optional<Extent> of(Size.Term term) {
        int batches = java.util.Collections.frequency(term.symbols(), "batch");
        int positions = java.util.Collections.frequency(term.symbols(), "position");
        return batches + positions == term.symbols().size()
                ? Optional.of(new Extent(term.factor(), batches, positions))
                : Optional.empty();
    }

    /** Returns the product of all. */
    static Extent product(List<Extent> extents) {
        Extent product = ONE;
        for (Extent each : extents) {
            product = new Extent(
                    product.factor * each.factor, product.batches + each.batches, product.positions + each.positions);
        }
        return product;
    }

    /** Returns whether it is the same in every run. */
    public boolean isFixed() {
        return batches == 0 && positions == 0;
    }

    boolean isPositions() {
        return equals(POSITIONS);
    }
}
