package dev.sonde.onnx.structure;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.structure.Modules.Instance;
import java.util.List;
import java.util.Optional;

/** Writes the ports of all modules into the list of sites. */
final class ModuleSites {
    private static final String UNORDERED =
            "the module returns which elements it chose beside other values, and the file does not show in which order";

    private final Graph graph;
    private final Shapes shapes;
    private final Ports ports;
    private final Queries queries;
    private final Axes axes;
    private final Escapes escapes;
    private final SiteList sites;

    ModuleSites(Graph graph, Shapes shapes, Ports ports, Queries queries, Axes axes, Escapes escapes, SiteList sites) {
        this.graph = graph;
        this.shapes = shapes;
        this.ports = ports;
        this.queries = queries;
        this.axes = axes;
        this.escapes = escapes;
        this.sites = sites;
    }

    void write(Instance module, boolean calledAgain) {
        ModuleIo io = ports.of(module);
        Optional<String> lost = escapes.output(module)
                .or(() -> ports.returnsChoices(module) ? Optional.of(UNORDERED) : Optional.empty());
        if (lost.isPresent()) {
            sites.absent(module.path() + "#output", lost.get());
        } else {
            outputs(module, io.outputs(), calledAgain);
        }
        Optional<String> unseen = escapes.input(module);
        if (unseen.isPresent()) {
            sites.absent(module.path() + "#input", unseen.get());
        } else {
            queries.input(module).or(io::input).ifPresent(value -> input(module, value, calledAgain));
        }
    }

    private void outputs(Instance module, List<String> values, boolean calledAgain) {
        for (int i = 0; i < values.size(); i++) {
            String port = "output" + (values.size() > 1 ? "[" + i + "]" : "");
            Binding binding = Points.output(module, values.get(i));
            // what the model returns as logits is what its last module returns
            boolean logits = values.get(i).equals("logits") && graph.isOutput("logits");
            shapes.find(values.get(i))
                    .ifPresent(shape -> add(module, port, shape, binding, calledAgain, logits && shape.rank() == 3));
        }
    }

    private void input(Instance module, String value, boolean calledAgain) {
        Binding binding = Points.input(module, value);
        shapes.find(value).ifPresent(shape -> {
            if (isJoinedInside(module, value, shape)) {
                long heads = shape.fixed(-2);
                long width = shape.fixed(-1);
                List<Size> dims = List.of(shape.dim(0), shape.dim(1), Size.of(heads * width));
                Binding joined = Points.seen(binding, View.joinHeads(heads, width));
                add(module, "input", new Shape(shape.dtype(), dims), joined, calledAgain);
            } else {
                add(module, "input", shape, binding, calledAgain);
            }
        });
    }

    /** Exporters merge the joining of heads with a projection's own flattening: the module then receives heads. */
    private boolean isJoinedInside(Instance module, String value, Shape shape) {
        if (shape.rank() != 4 || shape.fixed(-1) < 0 || shape.fixed(-2) < 0) {
            return false;
        }
        long width = shape.fixed(-1) * shape.fixed(-2);
        return graph.consumers(value).stream()
                .filter(module::has)
                .allMatch(reader -> graph.op(reader).equals("Reshape")
                        && shapes.find(graph.output(reader))
                                .filter(flat -> flat.rank() == 2 && flat.fixed(1) == width)
                                .isPresent());
    }

    private void add(Instance module, String port, Shape shape, Binding binding, boolean calledAgain) {
        add(module, port, shape, binding, calledAgain, false);
    }

    private void add(Instance module, String port, Shape shape, Binding binding, boolean calledAgain, boolean logits) {
        String kind = logits ? "Logits" : shape.isFloat() ? axes.isResidual(shape) ? "Residual" : "Any" : "Ids";
        List<AxisInfo> named = logits ? axes.of(shape, "vocab") : axes.of(shape);
        if (module.call() == 0) {
            sites.add(module.path() + "#" + port, kind, named, binding);
        }
        if (calledAgain) {
            sites.add(module.path() + "#" + port + "(" + module.call() + ")", kind, named, binding);
        }
    }
}
