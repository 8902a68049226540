package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import dev.sonde.graph.Dim;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Emits copies of modules that are applied to other values. */
final class Calls {
    /** Products with fewer columns are not worth joining. */
    private static final long COLUMNS = 1024;

    private final ModelGraph graph;
    private final Wiring wiring;
    private final Emitter emitter;
    private final Layout layout;
    private final Views views;
    private final Products products;
    private final Wires wires;

    Calls(ModelGraph graph, Wiring wiring, Emitter emitter, Products products, Wires wires) {
        this.wires = wires;
        this.products = products;
        this.graph = graph;
        this.wiring = wiring;
        this.emitter = emitter;
        this.layout = new Layout(emitter);
        this.views = new Views(emitter);
    }

    /** Returns the name of the module's output for that input. */
    String emit(String path, String value, ValueType type) {
        ModuleInfo module = wiring.manifest().module(path);
        SiteInfo input = site(module, "#input");
        SiteInfo output = site(module, "#output");
        int dropped = input.axes().size() - type.rank();
        String whole = layout.unsqueeze(value, missing(input.axes(), type, dropped));
        List<Long> lead = lead(input.axes(), type, dropped);
        String result = copy(module, whole, lead, wiring.place(input.name()), wiring.place(output.name()));
        return layout.squeeze(result, missing(output.axes(), type, dropped));
    }

    private SiteInfo site(ModuleInfo module, String port) {
        return wiring.manifest()
                .find(module.path() + port)
                .or(() -> wiring.manifest().find(module.path() + port + "[0]"))
                .orElseThrow(() -> new SondeException(
                        "not-callable",
                        "Module '" + module.path() + "' cannot be called: this file has no '" + module.path() + port
                                + "'"));
    }

    /** Returns the axes that a value without batch or position lacks. */
    private static List<Integer> missing(List<AxisInfo> axes, ValueType type, int dropped) {
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < axes.size() && missing.size() < dropped; i++) {
            AxisInfo axis = axes.get(i);
            boolean there = !axis.name().isEmpty() && type.axis(axis.name()) >= 0;
            if (!axis.size().symbols().isEmpty() && !there) {
                missing.add(i);
            }
        }
        return missing;
    }

    /** Returns the sizes of the axes but the last of a value with all axes. */
    private static List<Long> lead(List<AxisInfo> axes, ValueType type, int dropped) {
        List<Long> sizes = new ArrayList<>(type.dims().stream().map(Dim::size).toList());
        missing(axes, type, dropped).forEach(axis -> sizes.add(axis, 1L));
        return sizes.subList(0, Math.max(0, sizes.size() - 1));
    }

    private static String name(Map<String, String> names, String value) {
        return names.getOrDefault(value, value);
    }

    private String copy(ModuleInfo module, String value, List<Long> lead, Place input, Place output) {
        BitSet nodes = graph.indices(wiring.nodes(module.path(), 0));
        Map<String, String> names = new HashMap<>();
        nodes.stream()
                .forEach(node -> graph.node(node).getOutputList().stream()
                        .filter(name -> !name.isEmpty())
                        .forEach(name -> names.put(name, emitter.fresh())));
        if (!names.containsKey(output.value())) {
            throw new SondeException(
                    "not-callable",
                    "Module '" + module.path() + "' cannot be called: its output is" + " not computed inside it");
        }
        nodes.stream()
                .forEach(node -> graph.uses(node).stream()
                        .filter(used -> graph.isConstant(used) && wires.isEdited(used))
                        .forEach(used -> names.put(used, wires.seenBy(node, used))));
        names.put(input.value(), views.hide(value, input.value(), input.steps()));
        boolean known = input.steps().isEmpty() && !lead.isEmpty() && !lead.contains(Dim.UNKNOWN);
        copied(nodes, Set.of(input.value(), output.value())).forEach(original -> {
            if (known && original.getInput(0).equals(input.value()) && products.isProduct(original, COLUMNS)) {
                String product = products.multiply(original, name(names, input.value()), lead, false);
                emitter.node("Identity", List.of(product), name(names, original.getOutput(0)));
            } else {
                emitter.add(Renaming.copy(original, names, emitter.fresh()));
            }
        });
        return views.show(name(names, output.value()), output.steps());
    }

    /** Returns the nodes to copy: a fused operator as it is if all of it is called and neither end is inside. */
    private List<NodeProto> copied(BitSet nodes, Set<String> ends) {
        BitSet plain = (BitSet) nodes.clone();
        List<NodeProto> copied = new ArrayList<>();
        for (FusedOperator operator : graph.fused()) {
            boolean whole = operator.nodes().stream().allMatch(nodes::get);
            if (whole && ends.stream().noneMatch(operator.inside()::contains)) {
                plain.andNot(operator.nodes());
                copied.add(operator.fusion().fused());
            }
        }
        plain.stream().mapToObj(graph::node).forEach(copied::add);
        return copied;
    }
}
