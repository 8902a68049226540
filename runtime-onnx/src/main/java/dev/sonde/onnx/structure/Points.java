package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.Optional;

/** Turns "this value, as that node sees it" into a point of the value's wire. */
final class Points {
    private static final Wire PRODUCED = new Wire.Produced();

    private final Graph graph;
    private final Modules modules;

    Points(Graph graph, Modules modules) {
        this.graph = graph;
        this.modules = modules;
    }

    Binding produced(String value) {
        return new Binding(value, PRODUCED, View.IDENTITY);
    }

    static Binding output(Instance module, String value) {
        return new Binding(value, new Wire.Output(module.path(), module.call()), View.IDENTITY);
    }

    static Binding input(Instance module, String value) {
        return new Binding(value, new Wire.Input(module.path(), module.call()), View.IDENTITY);
    }

    /** The value as the largest module that makes it and lacks the reader returns it. */
    Binding leaving(String value, int reader) {
        return modules.outermostLeft(graph.producer(value), reader)
                .map(module -> output(module, value))
                .orElse(produced(value));
    }

    /** The value as the smallest module around the reader receives it. */
    Binding entering(String value, int reader) {
        Optional<Instance> entered = modules.innermostEntered(graph.producer(value), reader);
        return entered.map(module -> input(module, value)).orElse(leaving(value, reader));
    }

    static Binding seen(Binding binding, View view) {
        return new Binding(binding.value(), binding.wire(), view);
    }
}
