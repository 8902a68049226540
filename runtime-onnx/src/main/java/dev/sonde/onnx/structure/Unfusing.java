package dev.sonde.onnx.structure;

import ai.onnxruntime.OrtEnvironment;
import dev.sonde.DType;
import dev.sonde.manifest.ModelInput;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.unfuse.Known;
import dev.sonde.onnx.unfuse.Unfused;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.zip.CRC32;

/**
 * A file's graph with its fused operators written out as far as what is written gives the operators' own numbers, and the
 * shapes of all values in it.
 *
 * @param unfused what was written out
 * @param graph of that
 * @param shapes of its values
 */
record Unfusing(Unfused unfused, Graph graph, Shapes shapes) {
    private static final String SHAPES = "shapes.txt";

    static Unfusing of(OnnxFile file, List<ModelInput> inputs, Supplier<OrtEnvironment> environment) {
        Graph plain = new Graph(file);
        Shapes shapes = shapes(plain, SHAPES, inputs, environment);
        Known known = new Seen(plain, shapes);
        Unfused wanted = Unfused.of(file.skeleton(), known, Map.of());
        if (wanted.fusions().isEmpty()) {
            return new Unfusing(wanted, plain, shapes);
        }
        Map<String, String> wrong = FusionCheck.failures(file, wanted, inputs, environment.get());
        Unfused checked = wrong.isEmpty() ? wanted : Unfused.of(file.skeleton(), known, wrong);
        Graph graph = new Graph(file.with(checked.model()));
        return new Unfusing(checked, graph, shapes(graph, "shapes-" + mark(checked) + ".txt", inputs, environment));
    }

    /** Returns what is known of the values. */
    Known known() {
        return new Seen(graph, shapes);
    }

    /** Changes when the way changes in which operators are written out. */
    static String mark(Unfused unfused) {
        CRC32 sum = new CRC32();
        unfused.fusions().forEach(each -> sum.update(each.nodes().toString().getBytes(StandardCharsets.UTF_8)));
        return Long.toHexString(sum.getValue());
    }

    private static Shapes shapes(
            Graph graph, String name, List<ModelInput> inputs, Supplier<OrtEnvironment> environment) {
        Path kept = graph.file.cacheFolder().resolve(name);
        Optional<Shapes> cached = ShapeCache.read(kept);
        if (cached.isPresent()) {
            return cached.get();
        }
        Shapes probed = ShapeProbe.probe(graph, inputs, environment.get());
        ShapeCache.write(kept, probed);
        return probed;
    }

    /** What a probe has shown of a graph's values. */
    private record Seen(Graph graph, Shapes shapes) implements Known {
        @Override
        public int rank(String value) {
            return graph.isConstant(value)
                    ? graph.file
                            .constant(value)
                            .map(each -> each.shape().length)
                            .orElse(-1)
                    : shapes.rank(value);
        }

        @Override
        public long size(String value, int axis) {
            if (rank(value) < 1) {
                return -1;
            }
            int at = axis < 0 ? rank(value) + axis : axis;
            return graph.isConstant(value)
                    ? graph.file.constant(value).map(each -> each.shape()[at]).orElse(-1L)
                    : shapes.find(value).map(each -> each.fixed(at)).orElse(-1L);
        }

        @Override
        public String operator(String value) {
            return graph.op(graph.producer(value));
        }

        @Override
        public Optional<DType> dtype(String value) {
            return graph.isConstant(value)
                    ? graph.file.constant(value).flatMap(each -> each.dtype())
                    : shapes.find(value).map(Shape::dtype);
        }
    }
}
