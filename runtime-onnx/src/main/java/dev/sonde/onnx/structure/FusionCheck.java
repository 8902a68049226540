package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.manifest.ModelInput;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.unfuse.Fusion;
import dev.sonde.onnx.unfuse.Unfused;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs every fused operator of a model beside what was written for it, on the same inputs. Where the two differ, what lies
 * inside the operator is refused rather than wrong.
 */
final class FusionCheck {
    private static final String TWIN = "fused:";
    private static final double TOLERANCE = 2e-3;

    private final OnnxFile file;
    private final Unfused unfused;
    private final List<ModelInput> inputs;
    private final OrtEnvironment environment;
    private final Map<String, String> failures = new LinkedHashMap<>();

    private FusionCheck(OnnxFile file, Unfused unfused, List<ModelInput> inputs, OrtEnvironment environment) {
        this.file = file;
        this.unfused = unfused;
        this.inputs = inputs;
        this.environment = environment;
    }

    /** Returns the names of the operators whose decomposition is not what they are, with reasons; kept in the cache. */
    static Map<String, String> failures(
            OnnxFile file, Unfused unfused, List<ModelInput> inputs, OrtEnvironment environment) {
        Path kept = file.cacheFolder().resolve("fusions-" + Unfusing.mark(unfused) + ".txt");
        try {
            if (Files.exists(kept)) {
                return read(Files.readAllLines(kept));
            }
            Map<String, String> failures = new FusionCheck(file, unfused, inputs, environment).run();
            List<String> lines = new ArrayList<>();
            failures.forEach((name, reason) -> lines.add(name + "\t" + reason.replace('\n', ' ')));
            lines.add("checked");
            Files.write(kept, lines);
            return failures;
        } catch (IOException unwritable) {
            return new FusionCheck(file, unfused, inputs, environment).run();
        }
    }

    private static Map<String, String> read(List<String> lines) throws IOException {
        if (lines.isEmpty() || !lines.get(lines.size() - 1).equals("checked")) {
            throw new IOException("cut short");
        }
        Map<String, String> failures = new LinkedHashMap<>();
        for (String line : lines.subList(0, lines.size() - 1)) {
            int tab = line.indexOf('\t');
            failures.put(line.substring(0, tab), line.substring(tab + 1));
        }
        return failures;
    }

    private Map<String, String> run() {
        try (OrtSession.SessionOptions options = ShapeProbe.options(file);
                OrtSession session = environment.createSession(both().toByteArray(), options)) {
            if (ShapeProbe.attempts(inputs).stream().noneMatch(settings -> compare(session, settings))) {
                failAll("what is written for it does not run at any of the sizes that were tried");
            }
        } catch (OrtException unrunnable) {
            failAll("what is written for it does not run: " + unrunnable.getMessage());
        }
        return failures;
    }

    private void failAll(String reason) {
        unfused.fusions().forEach(each -> fail(each, reason));
    }

    /** Returns whether the model runs at these sizes. */
    private boolean compare(OrtSession session, List<Map<String, Long>> settings) {
        try {
            for (Map<String, Long> setting : settings) {
                compare(session, setting);
            }
            return true;
        } catch (OrtException unrunnable) {
            return false;
        }
    }

    /** The model with every operator in both forms; the rest reads what is written out. */
    private ModelProto both() {
        ModelProto.Builder model = unfused.model().toBuilder();
        GraphProto.Builder graph = model.getGraphBuilder();
        graph.clearOutput();
        for (Fusion fusion : unfused.fusions()) {
            NodeProto.Builder twin =
                    fusion.fused().toBuilder().setName(TWIN + fusion.fused().getName());
            for (int i = 0; i < twin.getOutputCount(); i++) {
                String value = twin.getOutput(i);
                if (!value.isEmpty()) {
                    twin.setOutput(i, TWIN + value);
                    graph.addOutput(ValueInfoProto.newBuilder().setName(value));
                    graph.addOutput(ValueInfoProto.newBuilder().setName(TWIN + value));
                }
            }
            graph.addNode(twin);
        }
        ShapeProbe.forgetShapes(graph);
        return model.build();
    }

    private void compare(OrtSession session, Map<String, Long> setting) throws OrtException {
        Map<String, OnnxTensor> tensors = ShapeProbe.tensors(inputs, setting, environment);
        try (OrtSession.Result result = session.run(tensors)) {
            for (Fusion fusion : unfused.fusions()) {
                for (String value : fusion.fused().getOutputList()) {
                    if (!value.isEmpty()) {
                        OnnxValue written = result.get(value).orElseThrow();
                        OnnxValue own = result.get(TWIN + value).orElseThrow();
                        compare(fusion, value, (OnnxTensor) written, (OnnxTensor) own);
                    }
                }
            }
        } finally {
            tensors.values().forEach(OnnxTensor::close);
        }
    }

    private void compare(Fusion fusion, String value, OnnxTensor written, OnnxTensor own) {
        String expected = java.util.Arrays.toString(own.getInfo().getShape());
        String found = java.util.Arrays.toString(written.getInfo().getShape());
        if (!expected.equals(found)) {
            fail(fusion, "its output '" + value + "' has shape " + expected + " but what is written for it " + found);
            return;
        }
        FloatBuffer a = written.getFloatBuffer();
        FloatBuffer b = own.getFloatBuffer();
        if (a == null || b == null) {
            return; // whole numbers: a mask's lengths
        }
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < b.remaining(); i++) {
            largest = Math.max(largest, Math.abs(b.get(i)));
            difference = Math.max(difference, Math.abs(a.get(i) - b.get(i)));
        }
        if (!(difference <= TOLERANCE * largest + 1e-6) && Double.isFinite(largest)) {
            fail(fusion, "what is written for it differs from it by " + (float) difference + " in '" + value + "'");
        }
    }

    private void fail(Fusion fusion, String reason) {
        failures.putIfAbsent(fusion.fused().getName(), reason);
    }
}
