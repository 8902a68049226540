package dev.sonde.onnx;

import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.grad.TensorType;
import dev.sonde.onnx.plan.Place;
import dev.sonde.onnx.plan.Point;
import dev.sonde.onnx.plan.Step;
import dev.sonde.onnx.plan.Wiring;
import dev.sonde.onnx.reuse.ValueShape;
import dev.sonde.onnx.structure.Binding;
import dev.sonde.onnx.structure.Structure;
import dev.sonde.onnx.structure.View;
import dev.sonde.onnx.structure.Wire;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Tells the planner what was found in a file. The two know nothing of each other, so that either can be read, tested and
 * replaced alone.
 *
 * @param structure of the file
 */
record FileWiring(Structure structure) implements Wiring {
    @Override
    public ModelManifest manifest() {
        return structure.manifest();
    }

    @Override
    public Place place(String site) {
        Binding at = structure.site(site);
        return new Place(
                at.value(),
                point(at.wire()),
                at.view().steps().stream().map(FileWiring::step).toList());
    }

    @Override
    public boolean needsHeads(String site) {
        return structure.needsHeads(site);
    }

    @Override
    public Set<String> nodes(String module, int call) {
        return structure.moduleNodes(module, call);
    }

    @Override
    public Optional<TensorType> type(String value, Map<String, Long> sizes) {
        return structure
                .dtype(value)
                .map(dtype -> new TensorType(
                        dtype,
                        structure.axes(value).stream()
                                .map(size -> size.in(sizes).orElse(TensorType.UNKNOWN))
                                .toList()));
    }

    @Override
    public long bytesOfRow(Map<String, Long> sizes) {
        return structure.bytesOfRow(sizes);
    }

    @Override
    public long bytesKeptOfRow(Map<String, Long> sizes) {
        return structure.bytesKeptOfRow(sizes);
    }

    @Override
    public Optional<ValueShape> shape(String value) {
        return structure.shape(value);
    }

    private static Point point(Wire wire) {
        if (wire instanceof Wire.Output output) {
            return new Point.Output(output.module(), output.call());
        }
        if (wire instanceof Wire.Input input) {
            return new Point.Input(input.module(), input.call());
        }
        return new Point.Produced();
    }

    private static Step step(View.Step step) {
        if (step instanceof View.Reshape reshape) {
            return new Step.Reshape(reshape.target());
        }
        if (step instanceof View.Transpose transpose) {
            return new Step.Transpose(transpose.perm());
        }
        View.SliceAxis slice = (View.SliceAxis) step;
        return new Step.SliceAxis(slice.axis(), slice.start(), slice.end());
    }
}
