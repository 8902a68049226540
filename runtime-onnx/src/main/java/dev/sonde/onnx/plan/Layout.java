package dev.sonde.onnx.plan;

import dev.sonde.DType;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Emits what moves elements and axes about, in the form that each operator set wants. */
final class Layout {
    private static final Set<DType> CHOOSABLE =
            Set.of(DType.FLOAT32, DType.FLOAT64, DType.INT32, DType.INT64, DType.UINT8);

    private final Emitter emitter;

    Layout(Emitter emitter) {
        this.emitter = emitter;
    }

    String axes(List<Integer> axes) {
        return emitter.ints(axes.stream().mapToLong(Integer::longValue).toArray());
    }

    String unsqueeze(String x, List<Integer> axes) {
        return axes.isEmpty() ? x : withAxes("Unsqueeze", x, axes);
    }

    String squeeze(String x, List<Integer> axes) {
        return axes.isEmpty() ? x : withAxes("Squeeze", x, axes);
    }

    private String withAxes(String type, String x, List<Integer> axes) {
        return emitter.opset() < 13
                ? emitter.node(type, List.of(x), Attributes.of("axes", axes))
                : emitter.node(type, List.of(x, axes(axes)));
    }

    String transpose(String x, List<Integer> perm) {
        return emitter.node("Transpose", List.of(x), Attributes.of("perm", perm));
    }

    String cast(String x, DType to) {
        return emitter.node("Cast", List.of(x), Attributes.of("to", ElementTypes.of(to)));
    }

    /** Chooses element by element; ONNX Runtime does so for some types only, the others take a detour. */
    String where(String mask, String then, String otherwise, DType type) {
        if (CHOOSABLE.contains(type)) {
            return emitter.node("Where", List.of(mask, then, otherwise));
        }
        DType detour = type.isFloat() ? DType.FLOAT32 : DType.INT32;
        String chosen = emitter.node("Where", List.of(mask, cast(then, detour), cast(otherwise, detour)));
        return cast(chosen, type);
    }

    /** Adds zeros at the end of each axis. */
    String padEnd(String x, List<Long> counts, DType type) {
        if (!CHOOSABLE.contains(type)) {
            DType detour = type.isFloat() ? DType.FLOAT32 : DType.INT32;
            return cast(padEnd(cast(x, detour), counts, detour), type);
        }
        List<Long> pads = new ArrayList<>(java.util.Collections.nCopies(counts.size(), 0L));
        pads.addAll(counts);
        return emitter.node("Pad", List.of(x, emitter.list(pads)));
    }

    String slice(String x, int axis, long start, long end) {
        return emitter.node("Slice", List.of(x, emitter.ints(start), emitter.ints(end), emitter.ints(axis)));
    }

    String concat(List<String> parts, int axis) {
        return emitter.node("Concat", parts, Attributes.of("axis", axis));
    }
}
