package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.sonde.DType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * The gradient of {@code Resize} where it interpolates. It is linear along each axis by itself: what it makes of a unit matrix
 * is the matrix that it multiplies an axis with, and the gradient is multiplied with the turned one.
 */
final class Interpolation {
    private static final Set<String> COPIED = Set.of(
            "mode", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "antialias", "nearest_mode");

    private Interpolation() {}

    static String of(Visit v) {
        refuseOther(v);
        Ops o = v.ops();
        int rank = o.rank(v.x());
        List<Long> named = Attrs.wholes(v.node(), "axes").stream()
                .map(axis -> axis < 0 ? axis + rank : axis)
                .toList();
        String g = o.cast(v.g(), DType.FLOAT32);
        for (int axis = 0; axis < rank; axis++) {
            int at = named.isEmpty() ? axis : named.indexOf((long) axis);
            if (at >= 0 && !isKept(v, axis, at)) {
                g = along(v, g, axis, at);
            }
        }
        return o.castAs(g, v.x());
    }

    private static void refuseOther(Visit v) {
        boolean old = !v.has(2) && !v.has(3);
        boolean cropped =
                Attrs.text(v.node(), "coordinate_transformation_mode", "").equals("tf_crop_and_resize");
        boolean bound =
                !Attrs.text(v.node(), "keep_aspect_ratio_policy", "stretch").equals("stretch");
        if (old || cropped || bound || !v.node().getOpType().equals("Resize")) {
            throw v.refuse("it interpolates in a way that has none here");
        }
    }

    private static boolean isKept(Visit v, int axis, int at) {
        Optional<Double> scale = v.has(2) ? v.ops().numbers(v.in(2)).map(all -> all.toDoubles()[at]) : Optional.empty();
        long before = v.ops().size(v.x(), axis);
        Optional<Boolean> same =
                v.has(3) ? v.ops().numbers(v.in(3)).map(all -> all.toLongs()[at] == before) : Optional.empty();
        return scale.map(number -> number == 1).or(() -> same).orElse(false);
    }

    private static String along(Visit v, String g, int axis, int at) {
        Ops o = v.ops();
        int rank = o.rank(v.x());
        String size = o.slice(o.shape(v.x()), 0, axis, axis + 1L);
        String places = o.range(o.squeeze(size, List.of(0L)));
        String unit =
                o.cast(o.equal(o.unsqueeze(places, List.of(0L)), o.unsqueeze(places, List.of(1L))), DType.FLOAT32);
        String matrix = resized(v, o.unsqueeze(unit, List.of(0L, 1L)), size, at); // [1, 1, before, after]
        List<Long> last = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        Collections.swap(last, axis, rank - 1);
        String turned = o.squeeze(o.transpose(matrix, List.of(0L, 1L, 3L, 2L)), List.of(0L, 1L));
        return o.transpose(o.node("MatMul", List.of(o.transpose(g, last), turned)), last);
    }

    private static String resized(Visit v, String unit, String size, int at) {
        Ops o = v.ops();
        List<String> in = new ArrayList<>(List.of(unit, ""));
        if (v.has(2)) {
            in.add(o.concat(List.of(o.floats(1, 1, 1), o.slice(v.in(2), 0, at, at + 1L)), 0));
        } else {
            in.add("");
            String sizes = o.concat(List.of(o.ints(1, 1), size, o.slice(v.in(3), 0, at, at + 1L)), 0);
            in.add(o.reshape(sizes, 4)); // ONNX Runtime finds no sizes in a Concat before it runs
        }
        return o.node(
                "Resize",
                in,
                v.node().getAttributeList().stream()
                        .filter(each -> COPIED.contains(each.getName()))
                        .toArray(AttributeProto[]::new));
    }
}
