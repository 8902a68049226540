package dev.sonde.onnx.structure;

/**
 * Where a site sits.
 *
 * @param value name of the ONNX value
 * @param wire which readers of the value see a write
 * @param view how the site's tensor is made from the value
 */
public record Binding(String value, Wire wire, View view) {
    /** Returns the identity of the point: equal for sites that are views of the same value at the same place of its wire. */
    public String point() {
        return wire.label() + value;
    }
}
