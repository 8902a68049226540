package dev.sonde.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Prints a graph in its readable notation, one statement a line; ids are {@code %n}. */
final class GraphPrinter {
    private GraphPrinter() {}

    static String print(InterventionGraph graph) {
        return String.join("\n", lines(graph)) + "\n";
    }

    /** Returns a line for each run, value, effect and saved value, in this order. */
    static List<String> lines(InterventionGraph graph) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < graph.runs().size(); i++) {
            lines.add("run " + i + " = " + input(graph.runs().get(i)));
        }
        for (int i = 0; i < graph.nodes().size(); i++) {
            lines.add("%" + i + " = " + node(graph.nodes().get(i)));
        }
        graph.effects().forEach(effect -> lines.add(effect(effect)));
        graph.saves().forEach((name, id) -> lines.add("save " + name + " = %" + id));
        return lines;
    }

    private static String input(RunInput input) {
        if (input instanceof RunInput.Tokens tokens) {
            return "tokens " + (tokens.texts().isEmpty() ? tokens.ids() : tokens.texts() + " " + tokens.ids());
        }
        if (input instanceof RunInput.Generation generation) {
            return "generate from " + input(generation.prompt()) + " " + generation.options();
        }
        if (input instanceof RunInput.Steps steps) {
            return "steps " + steps.steps() + " of run " + steps.generation();
        }
        return "tensors "
                + ((RunInput.Tensors) input)
                        .tensors().entrySet().stream()
                                .sorted(Map.Entry.comparingByKey())
                                .map(e -> e.getKey() + ": " + e.getValue().describe())
                                .collect(Collectors.joining(", ", "{", "}"));
    }

    private static String node(Node node) {
        if (node instanceof Node.Read read) {
            return "read run " + read.run() + " '" + read.site() + "'" + version(read.version());
        }
        if (node instanceof Node.Parameter parameter) {
            return "parameter '" + parameter.site() + "'";
        }
        if (node instanceof Node.Constant constant) {
            return "constant " + constant.value();
        }
        if (node instanceof Node.Select select) {
            return "select %" + select.input() + " " + select.selection();
        }
        if (node instanceof Node.Put put) {
            return "put %" + put.into() + " " + put.selection() + " <- %" + put.value();
        }
        if (node instanceof Node.Call call) {
            return "call run " + call.run() + " '" + call.module() + "' %" + call.input();
        }
        if (node instanceof Node.Onnx onnx) {
            return "onnx " + (onnx.domain().isEmpty() ? "" : onnx.domain() + ":") + onnx.operator() + "("
                    + onnx.inputs().stream().map(id -> "%" + id).collect(Collectors.joining(", ")) + ") "
                    + onnx.attributes() + (onnx.output() == 0 ? "" : " output " + onnx.output());
        }
        if (node instanceof Node.Gradient gradient) {
            String seeds = gradient.seeds().isEmpty() ? "" : " seeds " + ids(gradient.seeds());
            return "gradient of " + ids(gradient.of()) + seeds + " wrt %" + gradient.wrt()
                    + version(gradient.version());
        }
        if (node instanceof Node.Local local) {
            return "java %" + local.input() + " (" + local.where() + ")";
        }
        if (node instanceof Node.Carried carried) {
            return "carried run " + carried.run() + " '" + carried.name() + "' from %" + carried.initial();
        }
        if (node instanceof Node.OverSteps over) {
            return "over steps of run " + over.generation() + " "
                    + over.values().stream().map(id -> "%" + id).toList();
        }
        if (node instanceof Node.Generated generated) {
            return "generated run " + generated.generation() + " "
                    + generated.part().name().toLowerCase(java.util.Locale.ROOT);
        }
        Node.Apply apply = (Node.Apply) node;
        String inputs = apply.inputs().stream().map(id -> "%" + id).collect(Collectors.joining(", "));
        String attributes = apply.attributes().isEmpty() ? "" : " " + apply.attributes();
        String texts = apply.texts().isEmpty() ? "" : " " + apply.texts();
        return apply.operator().name().toLowerCase(java.util.Locale.ROOT) + "(" + inputs + ")" + attributes + texts;
    }

    private static String effect(Effect effect) {
        if (effect instanceof Effect.Write write) {
            return "write run " + write.run() + " '" + write.site() + "'" + version(write.version()) + " <- %"
                    + write.value();
        }
        if (effect instanceof Effect.Skip skip) {
            return "skip run " + skip.run() + " '" + skip.module() + "' <- "
                    + skip.values().stream().map(id -> "%" + id).toList();
        }
        if (effect instanceof Effect.Choose choose) {
            return "choose run " + choose.run() + " <- %" + choose.logits() + ", %" + choose.logSumExp();
        }
        if (effect instanceof Effect.Carry carry) {
            return "carry run " + carry.run() + " '" + carry.name() + "' <- %" + carry.value();
        }
        if (effect instanceof Effect.Finish finish) {
            return "finish run " + finish.run() + " where %" + finish.condition();
        }
        if (effect instanceof Effect.GradientWrite write) {
            return "write gradient of %" + write.of() + " wrt %" + write.wrt() + version(write.version()) + " <- %"
                    + write.value();
        }
        return "stop run " + effect.run() + " '" + ((Effect.Stop) effect).site() + "'";
    }

    private static String ids(List<Integer> ids) {
        return ids.stream().map(id -> "%" + id).collect(Collectors.joining(", "));
    }

    private static String version(int version) {
        return version == 0 ? "" : " v" + version;
    }
}
