package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Puts the manifest together: standard names first, then modules, raw values last. */
final class SiteBook {
    private final Graph graph;
    private final Shapes shapes;
    private final DataPath data;
    private final Modules modules;
    private final Ports ports;
    private final List<ModelInput> inputs;
    private final Points points;
    private final Axes axes;
    private final SiteList sites;
    private final Escapes escapes;
    private final HeadResults results;
    private final Map<String, String> aliases = new LinkedHashMap<>();
    private final List<String> notes = new ArrayList<>();
    private int placed;

    SiteBook(Graph graph, Shapes shapes, DataPath data, Modules modules, Ports ports, List<ModelInput> inputs) {
        this.graph = graph;
        this.shapes = shapes;
        this.data = data;
        this.modules = modules;
        this.ports = ports;
        this.inputs = inputs;
        this.points = new Points(graph, modules);
        this.axes = new Axes(inputs);
        this.sites = new SiteList(shapes);
        this.escapes = new Escapes(graph, modules);
        this.results = new HeadResults(graph, shapes, points, sites);
    }

    HeadResults results() {
        return results;
    }

    SiteList sites() {
        return sites;
    }

    void write(Placer.Result result) {
        List<Attention> attentions = new AttentionFinder(graph, shapes, data).find();
        attentions.forEach(each -> shapes.find(each.scores().value()).ifPresent(s -> axes.learnPosition(s.dim(2))));
        Sums sums = new Sums(graph, shapes, data);
        Norms norms = new Norms(graph, shapes);
        List<Layer> layers = new Layers(graph, shapes, modules, ports, sums).of(attentions);
        Weights weights = new Weights(graph, shapes, data, points, sites);
        AttentionSites inner = new AttentionSites(graph, shapes, modules, points, sites, weights, results);
        Blocks blocks =
                new Blocks(graph, shapes, data, modules, ports, points, axes, escapes, sites, sums, norms, weights);
        layers.forEach(blocks::learnWidth);
        for (int i = 0; i < layers.size(); i++) {
            Layer layer = layers.get(i);
            inner.write(layer);
            blocks.write(layer, i + 1 < layers.size() ? layers.get(i + 1) : null);
            blocks.alias(layer, aliases);
        }
        new Embeddings(graph, shapes, data, points, axes, sites, weights).write(inputs);
        if (graph.isOutput("logits")) {
            weights.unembedding("logits");
        }
        sites.absent("W_U", "no product with a weight ends in logits");
        modelOutputs();
        moduleSites(new Queries(graph, shapes, data, modules, ports, attentions));
        layers.forEach(inner::ports);
        moduleNorms(blocks, norms);
        new Parameters(graph, modules, new ModuleTypes(graph, modules).types(), weights).write();
        rawValues();
        escapes.gone().forEach((path, reason) -> {
            sites.absent(path + "#output", reason);
            sites.absent(path + "#input", reason);
        });
        count(result, attentions.size());
    }

    private void count(Placer.Result result, int attentions) {
        placed = (int) result.places().stream().filter(each -> !each.isEmpty()).count();
        notes.addAll(graph.file.notes());
        if (result.said() == 0) {
            notes.add("No node names its module: only raw values and standard names exist.");
        } else if (result.said() < graph.size()) {
            notes.add((graph.size() - result.said()) + " of " + graph.size()
                    + " nodes do not name their module and were placed by what they read and what reads them.");
        }
        if (attentions == 0) {
            notes.add("No attention was found by its pattern.");
        }
    }

    private void modelOutputs() {
        for (String value : graph.outputs()) {
            shapes.find(value).ifPresent(shape -> {
                boolean logits = value.equals("logits");
                boolean vocabulary = logits && shape.rank() == 3;
                String kind = logits ? "Logits" : axes.isResidual(shape) ? "Residual" : "Any";
                List<AxisInfo> named = vocabulary ? axes.of(shape, "vocab") : axes.of(shape);
                sites.add(value, kind, named, Points.output(modules.root(), value));
            });
        }
        sites.absent("logits", "the file has no output of that name");
    }

    private void moduleSites(Queries queries) {
        ModuleSites each = new ModuleSites(graph, shapes, ports, queries, axes, escapes, sites);
        for (String path : modules.paths()) {
            List<Instance> calls = modules.calls(path);
            calls.forEach(call -> each.write(call, calls.size() > 1));
        }
    }

    /** A module that is one norm has a port for its denominator. */
    private void moduleNorms(Blocks blocks, Norms norms) {
        for (Norms.Norm norm : norms.all()) {
            List<Instance> around = modules.around(norm.node());
            if (!around.isEmpty()) {
                Instance module = around.get(around.size() - 1);
                boolean whole = ports.of(module).outputs().equals(List.of(norm.output()));
                if (whole) {
                    blocks.scale(
                            module.path() + "#norm_scale" + (module.call() == 0 ? "" : "(" + module.call() + ")"),
                            norm);
                }
            }
        }
    }

    /** Adds the raw values in the order in which they are computed. */
    private void rawValues() {
        List<String> computed = shapes.values().stream()
                .sorted(Comparator.comparingInt(graph::producer))
                .toList();
        for (String value : computed) {
            shapes.find(value)
                    .ifPresent(shape -> sites.add("value:" + value, "Any", axes.of(shape), points.produced(value)));
        }
        graph.file.skeleton().getGraph().getInitializerList().forEach(this::rawParameter);
    }

    private void rawParameter(TensorProto tensor) {
        List<AxisInfo> fixed = tensor.getDimsList().stream()
                .map(size -> new AxisInfo("", Size.of(size)))
                .toList();
        ElementTypes.dtype(tensor.getDataType())
                .ifPresent(dtype -> sites.addParameter(
                        "value:" + tensor.getName(), dtype, fixed, points.produced(tensor.getName())));
    }

    ModelManifest manifest() {
        return new ModelManifest(
                ModelNames.of(graph.file.source()),
                graph.file.sha256(),
                graph.file.producer(),
                inputs,
                moduleInfos(),
                sites.sites().values(),
                aliases,
                sites.absences(),
                new ModelManifest.Placement(graph.size(), placed, notes));
    }

    private List<ModuleInfo> moduleInfos() {
        Map<String, List<String>> names = new LinkedHashMap<>();
        sites.sites().values().stream()
                .filter(each -> !each.path().isEmpty())
                .forEach(each -> names.computeIfAbsent(each.path(), unused -> new ArrayList<>())
                        .add(each.name()));
        Map<String, String> types = new ModuleTypes(graph, modules).types();
        List<ModuleInfo> infos = new ArrayList<>();
        for (String path : allPaths()) {
            List<String> own = names.getOrDefault(path, List.of());
            infos.add(new ModuleInfo(
                    path, types.getOrDefault(path, ""), modules.calls(path).size(), own, callInputs(path)));
        }
        return infos;
    }

    /** A module can be called on another value when it has one input and returns something. */
    private List<AxisInfo> callInputs(String path) {
        var input = sites.sites().get(path + "#input");
        boolean returns = sites.has(path + "#output") || sites.has(path + "#output[0]");
        return input != null && returns ? input.axes() : List.of();
    }

    private Set<String> allPaths() {
        Set<String> all = new LinkedHashSet<>(List.of(""));
        for (String path : modules.paths()) {
            for (int dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
                all.add(path.substring(0, dot));
            }
            all.add(path);
        }
        return all;
    }

    static @Nullable String parent(String path) {
        int dot = path.lastIndexOf('.');
        return dot < 0 ? null : path.substring(0, dot);
    }
}
