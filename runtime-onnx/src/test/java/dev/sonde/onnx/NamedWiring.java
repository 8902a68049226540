package dev.sonde.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.DType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.plan.Place;
import dev.sonde.onnx.plan.Point;
import dev.sonde.onnx.plan.Step;
import dev.sonde.onnx.plan.Wiring;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A wiring from TorchScript's node names, so that the engine's tests lean on nothing but the engine. */
final class NamedWiring implements Wiring {
    private final OnnxFile file;
    private final List<ModelInput> inputs;
    private final Map<String, Place> places = new LinkedHashMap<>();
    private final List<SiteInfo> sites = new ArrayList<>();
    private final Map<String, ModuleInfo> modules = new LinkedHashMap<>();

    NamedWiring(OnnxFile file, List<ModelInput> inputs) {
        this.file = file;
        this.inputs = inputs;
    }

    NamedWiring value(String name, String value, Step... steps) {
        return value(name, value, axes(), steps);
    }

    NamedWiring value(String name, String value, List<AxisInfo> axes, Step... steps) {
        add(name, new Place(value, new Point.Produced(), List.of(steps)), axes);
        return this;
    }

    NamedWiring module(String path, String input, String output, List<AxisInfo> axes) {
        add(path + "#input", new Place(input, new Point.Input(path, 0), List.of()), axes);
        add(path + "#output", new Place(output, new Point.Output(path, 0), List.of()), axes);
        modules.put(path, new ModuleInfo(path, "", 1, List.of(path + "#input", path + "#output"), axes));
        return this;
    }

    private void add(String name, Place place, List<AxisInfo> axes) {
        places.put(name, place);
        sites.add(new SiteInfo(name, "Any", DType.FLOAT32, axes, place.value() + place.point(), true));
    }

    /** Returns axes from sizes such as {@code batch} and {@code 64}. */
    static List<AxisInfo> axes(String... sizes) {
        List<AxisInfo> axes = new ArrayList<>();
        for (String size : sizes) {
            axes.add(new AxisInfo(Character.isLetter(size.charAt(0)) ? size : "", Size.parse(size)));
        }
        return axes;
    }

    @Override
    public long bytesOfRow(Map<String, Long> sizes) {
        return 1;
    }

    @Override
    public ModelManifest manifest() {
        return new ModelManifest(
                "test",
                file.sha256(),
                file.producer(),
                inputs,
                List.copyOf(modules.values()),
                sites,
                Map.of(),
                List.of(),
                new ModelManifest.Placement(0, 0, List.of()));
    }

    @Override
    public Place place(String site) {
        return places.get(site);
    }

    @Override
    public Set<String> nodes(String module, int call) {
        Set<String> names = new LinkedHashSet<>();
        for (NodeProto node : file.skeleton().getGraph().getNodeList()) {
            String path = node.getName().replace('/', '.').substring(1);
            if (module.isEmpty() || path.startsWith(module + ".")) {
                names.add(node.getName());
            }
        }
        return names;
    }
}
