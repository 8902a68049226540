package dev.sonde.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The same file on ONNX Runtime alone: what ours is a ratio to. */
final class Plain implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;

    Plain(Path model, int threads) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            this.session = environment.createSession(model.toString(), options);
        }
    }

    /** Runs the model on rows of equal lengths and drops what comes back. */
    void run(List<List<Long>> rows) throws OrtException {
        long[] shape = {rows.size(), rows.get(0).size()};
        long[] ids =
                rows.stream().flatMap(List::stream).mapToLong(Long::longValue).toArray();
        long[] ones = new long[ids.length];
        java.util.Arrays.fill(ones, 1);
        long[] positions = new long[ids.length];
        java.util.Arrays.setAll(positions, i -> i % shape[1]);
        Map<String, OnnxTensor> inputs = new HashMap<>();
        try {
            for (String name : session.getInputNames()) {
                long[] numbers = switch (name) {
                    case "attention_mask" -> ones;
                    case "position_ids" -> positions;
                    default -> ids;
                };
                inputs.put(name, OnnxTensor.createTensor(environment, LongBuffer.wrap(numbers), shape));
            }
            session.run(inputs).close();
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
    }

    @Override
    public void close() throws OrtException {
        session.close();
    }
}
