package dev.sonde.manifest;

/**
 * One axis of a site or input.
 *
 * @param name one of {@code batch, position, query, key, head, kv_head, d_head, d_model, d_mlp, vocab}, or {@code ""} for
 *     an axis without a name
 * @param size its size, as a formula over the sizes of inputs
 */
public record AxisInfo(String name, Size size) {
    /** Returns {@code name=size}, or the size alone. */
    @Override
    public String toString() {
        return name.isEmpty() || name.equals(size.toString()) ? size.toString() : name + "=" + size;
    }
}
