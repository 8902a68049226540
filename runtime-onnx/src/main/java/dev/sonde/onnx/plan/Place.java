package dev.sonde.onnx.plan;

import java.util.List;

/**
 * Where a site is in the file.
 *
 * @param value name of the ONNX value
 * @param point where on the value's wire
 * @param steps from the value to what the site shows; empty if it shows the value as it is
 */
public record Place(String value, Point point, List<Step> steps) {
    /** Copies its list. */
    public Place {
        steps = List.copyOf(steps);
    }
}
