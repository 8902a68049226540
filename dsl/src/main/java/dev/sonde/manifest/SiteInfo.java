package dev.sonde.manifest;

import dev.sonde.DType;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One place of a model that can be read, and edited where {@code editable}.
 *
 * @param name canonical {@code path#port}: {@code transformer.h.1#output}, {@code transformer.h.1.attn#output[0]},
 *     {@code shared#output(1)}, a standard name {@code layers.1#resid_post}, a model output or standard name without path
 *     ({@code logits}, {@code embed}), or a raw ONNX value {@code value:NAME}
 * @param kind simple name of a type of {@code dev.sonde.kind}, such as {@code Residual}; {@code Any} when nothing is known
 * @param dtype type of the elements
 * @param axes axes in order
 * @param point identity of the point on its wire: sites with equal points are views of one value, so reads and writes of
 *     them are ordered as they were recorded
 * @param editable whether writes are possible
 */
public record SiteInfo(String name, String kind, DType dtype, List<AxisInfo> axes, String point, boolean editable) {
    /** Copies its list. */
    public SiteInfo {
        axes = List.copyOf(axes);
    }

    /**
     * Returns whether this is a parameter of the model, which has no rows and no positions: read outside of any run it is what
     * the file has, written in a run it is edited for that run alone.
     */
    public boolean isParameter() {
        return kind.equals("Parameter");
    }

    /**
     * Returns whether no file has this value: what each head adds, which is computed head by head only where somebody looks at
     * it. It is large, so nothing reads it unasked.
     */
    public boolean isMade() {
        return kind.equals("HeadResults");
    }

    /** Returns what stands before {@code #}; {@code ""} if the site belongs to no module. */
    public String path() {
        int hash = name.lastIndexOf('#');
        return name.startsWith("value:") || hash < 0 ? "" : name.substring(0, hash);
    }

    /** Returns what stands behind {@code #}, or the whole name if there is none. */
    public String port() {
        int hash = name.lastIndexOf('#');
        return name.startsWith("value:") || hash < 0 ? name : name.substring(hash + 1);
    }

    /** Returns type and axes, such as {@code float32[batch, position, d_model=64]}. */
    public String shape() {
        return dtype + axes.stream().map(AxisInfo::toString).collect(Collectors.joining(", ", "[", "]"));
    }

    @Override
    public String toString() {
        return name + " " + shape();
    }
}
