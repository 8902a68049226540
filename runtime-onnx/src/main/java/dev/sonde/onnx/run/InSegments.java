package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Segment;
import dev.sonde.onnx.plan.TurnedProducts;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A program whose weights take more memory than they may: each segment is opened, run for all rows, and closed. What crosses
 * from one to the next is kept until the last segment that reads it.
 */
final class InSegments implements Body {
    private final RuntimeEnvironment environment;
    private final SessionSettings settings;
    private final ModelProto skeleton;
    private final TurnedProducts products;
    private final Program program;
    private final List<Segment> segments;
    private final boolean prepacked;
    private final Map<String, Integer> lastReaders = new HashMap<>();

    InSegments(
            RuntimeEnvironment environment,
            SessionSettings settings,
            ModelProto skeleton,
            TurnedProducts products,
            Program program,
            List<Segment> segments,
            boolean prepacked) {
        this.environment = environment;
        this.settings = settings;
        this.skeleton = skeleton;
        this.products = products;
        this.program = program;
        this.segments = segments;
        this.prepacked = prepacked;
        for (int i = 0; i < segments.size(); i++) {
            for (String value : segments.get(i).reads()) {
                lastReaders.put(value, i);
            }
        }
        program.splice().outputs().forEach(output -> lastReaders.put(output, segments.size()));
    }

    @Override
    public Set<String> inputNames() {
        Set<String> inputs = new HashSet<>();
        skeleton.getGraph().getInputList().forEach(input -> inputs.add(input.getName()));
        skeleton.getGraph().getInitializerList().forEach(tensor -> inputs.remove(tensor.getName()));
        program.splice().inputs().forEach(input -> inputs.add(input.getName()));
        inputs.retainAll(program.assembly().sources());
        return inputs;
    }

    @Override
    public List<Map<String, OnnxTensor>> run(List<Map<String, OnnxTensor>> inputs, OrtSession.RunOptions options)
            throws OrtException {
        List<Map<String, OnnxTensor>> made = new ArrayList<>();
        inputs.forEach(each -> made.add(new HashMap<>()));
        boolean done = false;
        try {
            for (int i = 0; i < segments.size(); i++) {
                run(i, inputs, made, options);
            }
            done = true;
            return made;
        } finally {
            if (!done) {
                made.forEach(each -> each.values().forEach(OnnxTensor::close));
            }
        }
    }

    private void run(
            int number,
            List<Map<String, OnnxTensor>> inputs,
            List<Map<String, OnnxTensor>> made,
            OrtSession.RunOptions options)
            throws OrtException {
        byte[] model = SplicedModel.build(program, skeleton, products, segments.get(number), types(made.get(0)))
                .toByteArray();
        try (OrtSession session = settings.openOnce(environment, model, prepacked)) {
            for (int row = 0; row < inputs.size(); row++) {
                Map<String, OnnxTensor> given = new HashMap<>(inputs.get(row));
                given.putAll(made.get(row));
                given.keySet().retainAll(session.getInputNames());
                Map<String, OnnxTensor> crossing = made.get(row);
                crossing.putAll(Body.tensors(session.run(given, options)));
                free(number, crossing);
            }
        }
    }

    /** Returns what the values are that were computed so far. */
    private static Map<String, Integer> types(Map<String, OnnxTensor> made) {
        Map<String, Integer> types = new HashMap<>();
        made.forEach((name, tensor) -> types.put(name, ElementTypes.ofJava(tensor.getInfo().type)));
        return types;
    }

    private void free(int number, Map<String, OnnxTensor> values) {
        values.entrySet().removeIf(value -> {
            boolean over = lastReaders.getOrDefault(value.getKey(), number) <= number;
            if (over) {
                value.getValue().close();
            }
            return over;
        });
    }

    @Override
    public void close() {
        // nothing stays open
    }
}
