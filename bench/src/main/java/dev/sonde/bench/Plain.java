package dev.sonde.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The same file on ONNX Runtime alone: what ours is a ratio to. Inputs are made once and results are copied to Java. */
final class Plain implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs = new HashMap<>();

    Plain(Path model, int threads, OptLevel level) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(level);
            this.session = environment.createSession(model.toString(), options);
        }
    }

    /** Gives it rows of token ids of equal lengths. */
    Plain on(List<List<Long>> rows) throws OrtException {
        long[] shape = {rows.size(), rows.get(0).size()};
        long[] ids =
                rows.stream().flatMap(List::stream).mapToLong(Long::longValue).toArray();
        long[] ones = new long[ids.length];
        java.util.Arrays.fill(ones, 1);
        long[] positions = new long[ids.length];
        java.util.Arrays.setAll(positions, i -> i % shape[1]);
        for (String name : session.getInputNames()) {
            long[] numbers = switch (name) {
                case "attention_mask" -> ones;
                case "position_ids" -> positions;
                default -> ids;
            };
            inputs.put(name, OnnxTensor.createTensor(environment, direct(numbers), shape));
        }
        return this;
    }

    /** Gives it one tensor. */
    Plain on(Tensor tensor) throws OrtException {
        FloatBuffer numbers = ByteBuffer.allocateDirect(tensor.count() * Float.BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer()
                .put(tensor.toFloats())
                .flip();
        inputs.put(
                session.getInputNames().iterator().next(),
                OnnxTensor.createTensor(environment, numbers, tensor.shape()));
        return this;
    }

    private static LongBuffer direct(long... numbers) {
        return ByteBuffer.allocateDirect(numbers.length * Long.BYTES)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer()
                .put(numbers)
                .flip();
    }

    /** Runs the model and copies its first output to Java, as whoever wants it must. */
    double[] run() throws OrtException {
        try (OrtSession.Result result = session.run(inputs)) {
            ((OnnxTensor) result.get(0)).getByteBuffer();
        }
        return new double[0];
    }

    @Override
    public void close() throws OrtException {
        inputs.values().forEach(OnnxTensor::close);
        session.close();
    }
}
