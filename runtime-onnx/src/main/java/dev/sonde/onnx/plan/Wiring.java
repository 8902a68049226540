package dev.sonde.onnx.plan;

import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.grad.TensorType;
import java.util.Optional;
import java.util.Set;

/** Says where the sites and modules of a model are in its graph. */
public interface Wiring {
    /** Returns what the model offers. */
    ModelManifest manifest();

    /** Returns where the site of that canonical name is. */
    Place place(String site);

    /** Returns the names of the nodes inside a module, in one of its calls. */
    Set<String> nodes(String module, int call);

    /** Returns whether a site lies where products behind attentions are written head by head, and nowhere else. */
    default boolean needsHeads(String site) {
        return false;
    }

    /** Returns what is known of a value of the file at these sizes of inputs, by its name there. */
    default Optional<TensorType> type(String value, java.util.Map<String, Long> sizes) {
        return Optional.empty();
    }

    /** Returns an estimate of the bytes that the values of one row take while the model runs at these sizes. */
    long bytesOfRow(java.util.Map<String, Long> sizes);

    /** Returns an estimate of the bytes of one row's values when all of them are kept, as backward passes do. */
    default long bytesKeptOfRow(java.util.Map<String, Long> sizes) {
        return bytesOfRow(sizes);
    }

    /** Returns type and sizes of a value of the file, if they are known. */
    default java.util.Optional<dev.sonde.onnx.reuse.ValueShape> shape(String value) {
        return java.util.Optional.empty();
    }
}
