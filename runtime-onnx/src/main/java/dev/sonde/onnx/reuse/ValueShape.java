package dev.sonde.onnx.reuse;

import dev.sonde.DType;
import dev.sonde.manifest.Size;
import java.util.List;

/**
 * Type and sizes of a value of a model.
 *
 * @param dtype type of its elements
 * @param sizes formulas, axis by axis
 */
public record ValueShape(DType dtype, List<Size> sizes) {
    /** Copies its list. */
    public ValueShape {
        sizes = List.copyOf(sizes);
    }
}
