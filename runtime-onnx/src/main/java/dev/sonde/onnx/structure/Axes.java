package dev.sonde.onnx.structure;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Names the axes of values. */
final class Axes {
    private final Size batch;
    private Optional<Size> position;
    private Optional<Size> width = Optional.empty();

    Axes(List<ModelInput> inputs) {
        Optional<ModelInput> tokens =
                inputs.stream().filter(each -> each.role() == Role.TOKENS).findFirst();
        this.batch = tokens.map(each -> each.axes().get(0).size()).orElse(Size.symbol("batch"));
        this.position = tokens.filter(each -> each.axes().size() == 2)
                .map(each -> each.axes().get(1).size());
    }

    /** Models without token ids say by their attention what a position is. */
    void learnPosition(Size size) {
        position = position.isPresent() ? position : Optional.of(size);
    }

    void learnWidth(Size size) {
        width = width.isPresent() ? width : Optional.of(size);
    }

    boolean isResidual(Shape shape) {
        return shape.isFloat()
                && shape.rank() == 3
                && isPosition(shape.dim(1))
                && width.filter(shape.dim(2)::equals).isPresent();
    }

    /** Returns the axes of an ordinary value: batch, position and d_model where the sizes say so. */
    List<AxisInfo> of(Shape shape) {
        return of(
                shape,
                width.filter(each -> shape.rank() == 3 && each.equals(shape.dim(-1)))
                                .isPresent()
                        ? "d_model"
                        : "");
    }

    /** Returns the same with a name for the last axis. */
    List<AxisInfo> of(Shape shape, String last) {
        List<AxisInfo> axes = new ArrayList<>();
        for (int i = 0; i < shape.rank(); i++) {
            String name = i == 0 && shape.dim(0).equals(batch)
                    ? "batch"
                    : i == 1 && isPosition(shape.dim(1)) && named(axes, "batch") ? "position" : "";
            axes.add(new AxisInfo(i > 0 && i == shape.rank() - 1 && name.isEmpty() ? last : name, shape.dim(i)));
        }
        return axes;
    }

    /** Returns axes with given names. */
    static List<AxisInfo> named(List<Size> sizes, String... names) {
        List<AxisInfo> axes = new ArrayList<>();
        for (int i = 0; i < sizes.size(); i++) {
            axes.add(new AxisInfo(i < names.length ? names[i] : "", sizes.get(i)));
        }
        return axes;
    }

    private static boolean named(List<AxisInfo> axes, String name) {
        return axes.get(0).name().equals(name);
    }

    private boolean isPosition(Size size) {
        return position.filter(size::equals).isPresent();
    }
}
