package dev.sonde.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Greedy generation as one writes it by hand on ONNX Runtime: what ours is a ratio to. */
final class BareLoop implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final int heads;
    private final int width;

    BareLoop(Path model, int threads, int heads, int width) throws OrtException {
        this.heads = heads;
        this.width = width;
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            this.session = environment.createSession(model.toString(), options);
        }
    }

    /** Returns the new tokens of one prompt. */
    long[] run(List<Long> prompt, int count) throws OrtException {
        long[] fresh = new long[count];
        Map<String, OnnxTensor> past = new HashMap<>();
        for (String name : session.getInputNames()) {
            if (name.startsWith("past")) {
                past.put(
                        name,
                        OnnxTensor.createTensor(environment, FloatBuffer.allocate(0), new long[] {1, heads, 0, width}));
            }
        }
        long[] ids = prompt.stream().mapToLong(Long::longValue).toArray();
        for (int step = 0; step < count; step++) {
            int seen = step == 0 ? 0 : prompt.size() + step - 1;
            OrtSession.Result result = step(ids, seen, past);
            past.values().forEach(OnnxTensor::close);
            past.clear();
            Map<String, OnnxTensor> outputs = new TreeMap<>();
            result.forEach(each -> outputs.put(each.getKey(), (OnnxTensor) each.getValue()));
            for (String name : session.getInputNames()) {
                OnnxTensor present = outputs.get(name.replace("past_key_values", "present"));
                if (present != null) {
                    past.put(name, present);
                }
            }
            try (OnnxTensor logits = Objects.requireNonNull(outputs.get("logits"))) {
                fresh[step] = likeliest(logits);
            }
            ids = new long[] {fresh[step]};
        }
        past.values().forEach(OnnxTensor::close);
        return fresh;
    }

    private OrtSession.Result step(long[] ids, int seen, Map<String, OnnxTensor> past) throws OrtException {
        long[] mask = new long[seen + ids.length];
        java.util.Arrays.fill(mask, 1);
        long[] positions = new long[ids.length];
        java.util.Arrays.setAll(positions, i -> seen + i);
        Map<String, OnnxTensor> inputs = new HashMap<>(past);
        try (OnnxTensor tokens = tensor(ids);
                OnnxTensor ones = tensor(mask);
                OnnxTensor places = tensor(positions)) {
            inputs.put("input_ids", tokens);
            inputs.put("attention_mask", ones);
            inputs.put("position_ids", places);
            return session.run(inputs);
        }
    }

    private OnnxTensor tensor(long[] numbers) throws OrtException {
        return OnnxTensor.createTensor(environment, LongBuffer.wrap(numbers), new long[] {1, numbers.length});
    }

    private static long likeliest(OnnxTensor logits) {
        FloatBuffer all = logits.getFloatBuffer();
        int vocabulary = (int) logits.getInfo().getShape()[2];
        int start = all.remaining() - vocabulary;
        int best = start;
        for (int i = start; i < start + vocabulary; i++) {
            best = all.get(i) > all.get(best) ? i : best;
        }
        return (long) best - start;
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }
}
