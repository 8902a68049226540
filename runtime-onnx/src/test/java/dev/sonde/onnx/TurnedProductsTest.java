package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import dev.sonde.Input;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Program;
import dev.sonde.spi.Limits;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Products with matrices of 1 MiB and more are written with turned matrices, in one way for few rows and another for many. */
class TurnedProductsTest {
    private static final int IN = 513;
    private static final int OUT = 520;
    private static final List<String> OUTPUTS = List.of("matmul", "gemm", "turned", "unbiased", "flat", "again");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(ints = {9, 13, 17})
    void theNumbersAreThoseOfTheFile(int opset) throws Exception {
        Path file = Files.write(folder.resolve("model.onnx"), model(opset).toByteArray());
        try (OnnxModel model = OnnxModel.open(file, options(Options.Prepacking.AUTO))) {
            for (int[] size : new int[][] {{1, 1}, {1, 3}, {2, 32}, {1, 65}, {3, 100}}) {
                Tensor given = numbers(size[0], size[1], IN);
                Map<String, float[]> expected = alone(file, given);
                trace(model, given)
                        .forEach((name, found) -> assertThat(apart(found, expected.get(name)))
                                .as(name + " " + size[0] + "x" + size[1])
                                .isLessThan(1e-5));
            }
        }
        try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
            assertThat(files.map(Path::getFileName).map(Path::toString)).contains("turned.bin");
        }
    }

    @Test
    void withoutPrepackingAnyBitIsTheFilesOwn() throws Exception {
        Path file = Files.write(folder.resolve("model.onnx"), model(17).toByteArray());
        try (OnnxModel model = OnnxModel.open(file, options(Options.Prepacking.OFF))) {
            Tensor given = numbers(1, 3, IN);
            assertThat(trace(model, given).get("gemm"))
                    .isEqualTo(alone(file, given).get("gemm"));
        }
    }

    @Test
    void theProvenanceSaysSo() throws Exception {
        Path file = Files.write(folder.resolve("model.onnx"), model(17).toByteArray());
        for (Options.Prepacking prepacking : List.of(Options.Prepacking.AUTO, Options.Prepacking.OFF)) {
            try (OnnxModel model = OnnxModel.open(file, options(prepacking))) {
                Saved<Tensor> saved = model.session(
                        s -> s.run(input(numbers(1, 3, IN))).get("value:gemm").save());
                assertThat(saved.provenance())
                        .containsEntry(
                                "prepacking",
                                prepacking == Options.Prepacking.OFF ? "off" : "auto, large matrices turned");
            }
        }
    }

    @Test
    void whatRanBeforeChangesNoBit() throws Exception {
        Path file = Files.write(folder.resolve("model.onnx"), model(17).toByteArray());
        Tensor few = numbers(1, 3, IN);
        float[] first;
        try (OnnxModel model = OnnxModel.open(file, options(Options.Prepacking.AUTO))) {
            first = trace(model, few).get("gemm");
        }
        try (OnnxModel model = OnnxModel.open(file, options(Options.Prepacking.AUTO))) {
            trace(model, numbers(2, 100, IN));
            assertThat(trace(model, few).get("gemm")).isEqualTo(first);
        }
    }

    @Test
    void theSizesOfACallSayHow() throws Exception {
        Path file = Files.write(folder.resolve("model.onnx"), model(17).toByteArray());
        try (OnnxModel model = OnnxModel.open(file, options(Options.Prepacking.AUTO))) {
            assertThat(few(model, 1, 64)).containsExactlyInAnyOrderElementsOf(products());
            assertThat(few(model, 2, 33)).isEmpty();
        }
    }

    private static List<String> products() {
        return List.of("matmul", "gemm", "turned", "unbiased", "flat", "again");
    }

    private static Iterable<String> few(OnnxModel model, int rows, int positions) {
        Plan plan = (Plan) model.backend()
                .prepare(
                        model.record(s -> s.run(input(numbers(rows, positions, IN)))
                                        .get("value:gemm")
                                        .save())
                                .graph(),
                        Limits.NONE);
        return plan.programs().stream()
                .map(Program::splice)
                .flatMap(splice -> splice.few().stream())
                .toList();
    }

    private Options options(Options.Prepacking prepacking) {
        return Options.builder()
                .cacheFolder(folder.resolve("cache"))
                .threads(1)
                .prepacking(prepacking)
                .probing(Options.Probing.HERE)
                .build();
    }

    private static RunInput input(Tensor given) {
        return Input.tensors(Map.of("x", given));
    }

    private static Map<String, float[]> trace(OnnxModel model, Tensor given) {
        Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
        model.session(s -> {
            var run = s.run(input(given));
            OUTPUTS.forEach(name -> saved.put(
                    name, run.get("value:" + name).as(dev.sonde.kind.Any.class).save()));
            return null;
        });
        Map<String, float[]> found = new LinkedHashMap<>();
        saved.forEach((name, each) -> found.put(name, each.value().toFloats()));
        return found;
    }

    private static Map<String, float[]> alone(Path file, Tensor given) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Map<String, float[]> found = new LinkedHashMap<>();
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.BASIC_OPT);
            settings.setIntraOpNumThreads(1);
            settings.addConfigEntry("session.disable_prepacking", "1");
            try (OrtSession session = environment.createSession(file.toString(), settings);
                    OnnxTensor x =
                            OnnxTensor.createTensor(environment, FloatBuffer.wrap(given.toFloats()), given.shape());
                    OrtSession.Result result = session.run(Map.of("x", x))) {
                for (String name : OUTPUTS) {
                    FloatBuffer numbers = ((OnnxTensor) result.get(name).orElseThrow()).getFloatBuffer();
                    float[] all = new float[numbers.remaining()];
                    numbers.get(all);
                    found.put(name, all);
                }
            }
        }
        return found;
    }

    /** Returns how far two tensors are apart, as a part of the largest number. */
    private static double apart(float[] found, float[] expected) {
        assertThat(found).hasSameSizeAs(expected);
        double apart = 0;
        double largest = 0;
        for (int i = 0; i < found.length; i++) {
            apart = Math.max(apart, Math.abs(found[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return apart / largest;
    }

    private static Tensor numbers(int... shape) {
        long[] sizes = java.util.Arrays.stream(shape).asLongStream().toArray();
        int count = java.util.Arrays.stream(shape).reduce(1, Math::multiplyExact);
        Random random = new Random(count);
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Tensor.of(numbers, sizes);
    }

    /** One product of each kind. */
    private static ModelProto model(int opset) {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("products");
        graph.addInput(value("x", "rows", "positions"));
        graph.addInitializer(weight("w1", IN, OUT)).addInitializer(weight("w2", IN, OUT));
        graph.addInitializer(weight("w3", OUT, IN)).addInitializer(weight("bias", OUT));
        graph.addInitializer(TensorProto.newBuilder()
                .setName("shape")
                .setDataType(TensorProto.DataType.INT64_VALUE)
                .addDims(2)
                .addInt64Data(-1)
                .addInt64Data(IN));
        graph.addNode(node("Reshape", "rows2", "x", "shape"));
        graph.addNode(node("MatMul", "matmul", "x", "w1"));
        graph.addNode(node("Gemm", "gemm", "rows2", "w2", "bias"));
        graph.addNode(node("Gemm", "turned", "rows2", "w3", "bias").toBuilder()
                .addAttribute(AttributeProto.newBuilder()
                        .setName("transB")
                        .setType(AttributeProto.AttributeType.INT)
                        .setI(1)));
        graph.addNode(node("Gemm", "unbiased", "rows2", "w1", "zeros"));
        graph.addInitializer(zeros());
        graph.addNode(node("MatMul", "flat", "rows2", "w2"));
        graph.addNode(node("MatMul", "again", "x", "w2"));
        OUTPUTS.forEach(name -> graph.addOutput(
                name.equals("matmul") || name.equals("again")
                        ? value(name, "rows", "positions", OUT)
                        : value(name, "all", OUT)));
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(graph)
                .build();
    }

    private static TensorProto zeros() {
        return TensorProto.newBuilder()
                .setName("zeros")
                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                .addDims(1)
                .addFloatData(0)
                .build();
    }

    private static NodeProto node(String operator, String to, String... from) {
        return NodeProto.newBuilder()
                .setOpType(operator)
                .setName(to)
                .addAllInput(List.of(from))
                .addOutput(to)
                .build();
    }

    private static TensorProto weight(String name, int... shape) {
        Tensor numbers = numbers(shape);
        ByteBuffer bytes = ByteBuffer.allocate(numbers.count() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers.toFloats()) {
            bytes.putFloat(number);
        }
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setName(name)
                .setDataType(TensorProto.DataType.FLOAT_VALUE)
                .setRawData(ByteString.copyFrom(bytes.flip()));
        java.util.Arrays.stream(shape).forEach(tensor::addDims);
        return tensor.build();
    }

    private static ValueInfoProto value(String name, Object... axes) {
        List<Object> all = new ArrayList<>(List.of(axes));
        if (name.equals("x")) {
            all.add(IN);
        }
        ValueInfoProto.Builder value = ValueInfoProto.newBuilder().setName(name);
        var shape = value.getTypeBuilder().getTensorTypeBuilder().setElemType(1).getShapeBuilder();
        for (Object axis : all) {
            if (axis instanceof Integer size) {
                shape.addDimBuilder().setDimValue(size);
            } else {
                shape.addDimBuilder().setDimParam((String) axis);
            }
        }
        return value.build();
    }
}
