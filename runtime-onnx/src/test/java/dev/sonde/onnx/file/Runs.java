package dev.sonde.onnx.file;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Runs a model as the file has it and as its skeleton has it, on made-up inputs of fitting shapes. */
final class Runs {
    private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();
    private static final int BATCH = 2;
    private static final int LENGTH = 5;
    private static final int PAST = 3;

    private Runs() {}

    static OrtSession session(OnnxFile file) throws OrtException {
        OrtSession.SessionOptions options = options();
        options.addConfigEntry(
                "session.model_external_initializers_file_folder_path",
                file.weightsFolder().toString());
        return ENVIRONMENT.createSession(file.skeleton().toByteArray(), options);
    }

    static OrtSession session(Path original) throws OrtException {
        return ENVIRONMENT.createSession(original.toString(), options());
    }

    private static OrtSession.SessionOptions options() throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.BASIC_OPT);
        options.setIntraOpNumThreads(1);
        return options;
    }

    /** Runs the session on the same inputs each time; returns the bytes of each output. */
    static Map<String, ByteBuffer> run(OrtSession session) throws OrtException {
        Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
        Random random = new Random(7);
        boolean past = session.getInputNames().stream().anyMatch(name -> name.startsWith("past"));
        // sorted, so that two forms of a model get the same numbers whatever the order of their inputs
        for (Map.Entry<String, NodeInfo> input : new java.util.TreeMap<>(session.getInputInfo()).entrySet()) {
            inputs.put(
                    input.getKey(),
                    input(input.getKey(), (TensorInfo) input.getValue().getInfo(), past, random));
        }
        Map<String, ByteBuffer> outputs = new LinkedHashMap<>();
        try (OrtSession.Result result = session.run(inputs)) {
            for (Map.Entry<String, OnnxValue> output : result) {
                outputs.put(output.getKey(), ((OnnxTensor) output.getValue()).getByteBuffer());
            }
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
        return outputs;
    }

    private static OnnxTensor input(String name, TensorInfo info, boolean past, Random random) throws OrtException {
        long[] shape = info.getShape();
        long count = 1;
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] < 0) {
                String dim = info.getDimensionNames()[i];
                shape[i] = dim.startsWith("batch")
                        ? BATCH
                        : dim.startsWith("past") ? PAST : dim.startsWith("total") && past ? PAST + LENGTH : LENGTH;
            }
            count *= shape[i];
        }
        int width = info.type == OnnxJavaType.INT64 ? 8 : info.type == OnnxJavaType.BOOL ? 1 : 4;
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) count * width).order(ByteOrder.nativeOrder());
        for (int i = 0; i < count; i++) {
            long column = i % shape[shape.length - 1];
            switch (info.type) {
                case INT64 ->
                    bytes.putLong(
                            name.contains("mask")
                                    ? 1
                                    : name.contains("position")
                                            ? column + (past ? PAST : 0)
                                            : name.contains("type") ? 0 : 1 + random.nextInt(40));
                case BOOL -> bytes.put((byte) 1);
                default -> bytes.putFloat((float) random.nextGaussian());
            }
        }
        return OnnxTensor.createTensor(ENVIRONMENT, bytes.flip(), shape, info.type);
    }
}
