package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.manifest.ModelInput;
import dev.sonde.onnx.Options.Optimization;
import dev.sonde.onnx.Options.Prepacking;
import dev.sonde.testmodels.TestModels;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Without edits the numbers are ONNX Runtime's own for the file, bit for bit, at the same settings. */
class UntouchedModelTest {
    private static final long[] SHAPE = {2, 5};
    private static final long[] IDS = {5, 6, 7, 8, 9, 40, 30, 20, 10, 1};
    private static final long[] POSITIONS = {0, 1, 2, 3, 4, 0, 1, 2, 3, 4};

    @TempDir
    static Path cache;

    static List<Arguments> filesAndLevels() {
        List<String> files = List.of(
                "gpt2/dynamo.onnx",
                "gpt2/dynamo_sdpa.onnx",
                "gpt2/torchscript.onnx",
                "gpt2/torchscript_sdpa.onnx",
                "gpt2/opset11.onnx",
                "gpt2/ort_fused.onnx",
                "llama/torchscript.onnx",
                "llama/torchscript_sdpa.onnx",
                "llama/dynamo.onnx",
                "llama/dynamo_sdpa.onnx",
                "gpt_neox/torchscript.onnx",
                "gpt_neox/dynamo.onnx",
                "bert/torchscript.onnx",
                "bert/dynamo.onnx");
        List<Arguments> all = new ArrayList<>();
        for (String file : files) {
            for (Optimization level : Optimization.values()) {
                all.add(Arguments.of(file, level));
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("filesAndLevels")
    void theOutputIsTheFilesOwn(String name, Optimization level) throws OrtException {
        check(TestModels.conformance().resolve(name), "logits", level, Prepacking.AUTO);
    }

    /** all-MiniLM-L6-v2 has matrices that Sonde lays out anew, unless it is told that packing is as ONNX Runtime has it. */
    @ParameterizedTest
    @CsvSource({"BASIC, ON", "BASIC, OFF", "ALL, ON", "ALL, OFF"})
    void largeMatricesAreMultipliedAsTheSettingsSay(Optimization level, Prepacking prepacking) throws OrtException {
        check(TestModels.miniLm().resolve("model.onnx"), "last_hidden_state", level, prepacking);
    }

    private static void check(Path file, String output, Optimization level, Prepacking prepacking) throws OrtException {
        Options options = Options.builder()
                .threads(1)
                .optimization(level)
                .prepacking(prepacking)
                .cacheFolder(cache)
                .build();
        try (OnnxModel model = OnnxModel.open(file, options)) {
            Map<String, long[]> given = new LinkedHashMap<>();
            for (ModelInput input : model.manifest().inputs()) {
                given.put(
                        input.name(),
                        switch (input.role()) {
                            case TOKENS -> IDS;
                            case POSITION_IDS -> POSITIONS;
                            default ->
                                input.name().equals("token_type_ids")
                                        ? new long[10]
                                        : new long[] {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
                        });
            }
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            given.forEach((input, numbers) -> tensors.put(input, Tensor.of(numbers, SHAPE)));
            Tensor ours = model.trace(Input.tensors(tensors), t -> t.get(output).save())
                    .value();
            assertThat(ours.toFloats()).isEqualTo(alone(file, output, given, level, prepacking != Prepacking.OFF));
        }
    }

    private static float[] alone(
            Path file, String output, Map<String, long[]> given, Optimization level, boolean packed)
            throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.setOptimizationLevel(
                    switch (level) {
                        case NONE -> OptLevel.NO_OPT;
                        case BASIC -> OptLevel.BASIC_OPT;
                        case EXTENDED -> OptLevel.EXTENDED_OPT;
                        case ALL -> OptLevel.ALL_OPT;
                    });
            settings.setIntraOpNumThreads(1);
            settings.addConfigEntry("session.disable_prepacking", packed ? "0" : "1");
            Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
            for (Map.Entry<String, long[]> each : given.entrySet()) {
                inputs.put(
                        each.getKey(), OnnxTensor.createTensor(environment, LongBuffer.wrap(each.getValue()), SHAPE));
            }
            try (OrtSession session = environment.createSession(file.toString(), settings);
                    OrtSession.Result result = session.run(inputs)) {
                OnnxTensor tensor = (OnnxTensor) result.get(output).orElseThrow();
                float[] numbers = new float[tensor.getFloatBuffer().remaining()];
                tensor.getFloatBuffer().get(numbers);
                return numbers;
            } finally {
                inputs.values().forEach(OnnxTensor::close);
            }
        }
    }
}
