package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.plan.ModelGraph;
import dev.sonde.onnx.plan.Program;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes values of a model that plans depend on, such as masks, and keeps the last ones. Safe for many threads. */
public final class Masks {
    private static final int KEPT = 64;

    private final Sessions sessions;
    private final ModelManifest manifest;
    private final Map<Asked, Map<String, Tensor>> kept = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Asked, Map<String, Tensor>> eldest) {
            return size() > KEPT;
        }
    };

    private record Asked(RunInput input, List<String> values) {}

    /** Returns one on the sessions of a model. */
    public Masks(Sessions sessions, ModelManifest manifest) {
        this.sessions = sessions;
        this.manifest = manifest;
    }

    /** Returns values of the file by name; those that are no tensors are missing. */
    public Map<String, Tensor> values(ModelGraph graph, RunInput input, Collection<String> values) {
        Asked asked = new Asked(input, List.copyOf(values));
        synchronized (kept) {
            Map<String, Tensor> known = kept.get(asked);
            if (known != null) {
                return known;
            }
        }
        Map<String, Tensor> computed = values.isEmpty() ? Map.of() : compute(Program.ofValues(graph, input, values));
        synchronized (kept) {
            kept.put(asked, computed);
        }
        return computed;
    }

    private Map<String, Tensor> compute(Program program) {
        Sessions.Kept session = sessions.borrow(program);
        Map<String, OnnxTensor> inputs = new HashMap<>();
        try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
            ModelInputs given = new ModelInputs(manifest, program.input().orElseThrow());
            for (String name : session.body().inputNames()) {
                inputs.put(name, OrtTensors.in(sessions.environment().ort(), given.tensor(name)));
            }
            Map<String, OnnxTensor> outputs = session.body().run(inputs, options);
            try {
                return tensors(outputs, program.splice().outputs());
            } finally {
                outputs.values().forEach(OnnxTensor::close);
            }
        } catch (OrtException e) {
            throw new SondeException("engine", "The model's masks cannot be computed: " + e.getMessage(), e);
        } finally {
            inputs.values().forEach(OnnxTensor::close);
            sessions.giveBack(session);
        }
    }

    private static Map<String, Tensor> tensors(Map<String, OnnxTensor> outputs, List<String> names) {
        Map<String, Tensor> tensors = new HashMap<>();
        outputs.forEach((name, tensor) ->
                tensors.put(name.substring(Program.VALUE.length()), OrtTensors.out(tensor, List.of())));
        return names.size() == tensors.size() ? tensors : Map.of();
    }
}
