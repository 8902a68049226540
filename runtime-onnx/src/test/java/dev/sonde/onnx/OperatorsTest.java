package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operator on every operator set, held to what numpy and torch say. */
class OperatorsTest {
    /** These keep their type, whatever type a case computes with. */
    private static final Set<String> INDICES = Set.of("t", "pick", "along", "distinct", "middle", "p", "q");

    private static final Map<String, Tensor> REFERENCE = reference();

    @TempDir
    static Path folder;

    private static Map<String, Tensor> reference() {
        Path file = TestModels.root().resolve("operators/reference.safetensors");
        try {
            return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), "operators")
                    .tensors();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static IntStream opsets() {
        return IntStream.rangeClosed(11, 26);
    }

    /** A model of one node, so that what is spliced into it has its operator set. */
    static OnnxModel model(int opset) throws IOException {
        TypeProto rows = TypeProto.newBuilder()
                .setTensorType(TypeProto.Tensor.newBuilder()
                        .setElemType(TensorProto.DataType.FLOAT.getNumber())
                        .setShape(TensorShapeProto.newBuilder()
                                .addDim(TensorShapeProto.Dimension.newBuilder().setDimParam("batch"))
                                .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(4))))
                .build();
        ModelProto model = ModelProto.newBuilder()
                .setIrVersion(opset < 18 ? 7 : 10)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .setGraph(GraphProto.newBuilder()
                        .setName("g")
                        .addInput(ValueInfoProto.newBuilder().setName("x").setType(rows))
                        .addOutput(ValueInfoProto.newBuilder().setName("y").setType(rows))
                        .addNode(NodeProto.newBuilder()
                                .setOpType("Abs")
                                .setName("abs")
                                .addInput("x")
                                .addOutput("y")))
                .build();
        Path file = Files.createDirectories(folder.resolve("opset" + opset)).resolve("model.onnx");
        Files.write(file, model.toByteArray());
        return OnnxModel.open(
                file, Options.builder().cacheFolder(folder.resolve("cache")).build());
    }

    private static RunInput zeros() {
        return Input.tensors(Map.of("x", Tensor.of(new float[4], 1, 4)));
    }

    /** An input of the cases that depends on a run, so that it is computed in the model's operator set. */
    private static Value<Any> anchored(Session s, Run run, String name, DType floats, DType wholes) {
        Tensor tensor = REFERENCE.get("in/" + name);
        Value<Any> value = s.constant(tensor);
        if (!INDICES.contains(name)) {
            DType wanted = tensor.dtype() == DType.INT64 ? wholes : floats;
            value = wanted == tensor.dtype() ? value : value.cast(wanted);
        }
        Value<Any> zero = run.get("y").sum();
        DType dtype = value.type().dtype();
        return dtype == DType.BOOL
                ? value.or(zero.greaterThan(0))
                : value.plus(dtype == DType.FLOAT32 ? zero : zero.cast(dtype));
    }

    private static void check(OnnxModel model, int opset, DType floats, DType wholes, double tolerance) {
        Set<String> names = OperatorCases.all().keySet().stream()
                .filter(name -> OperatorCases.SINCE.getOrDefault(name, 0) <= opset)
                .filter(name -> floats == DType.FLOAT32 || !name.endsWith("by apply"))
                .collect(Collectors.toSet());
        check(model, floats, wholes, tolerance, names);
    }

    static void check(OnnxModel model, DType floats, DType wholes, double tolerance, Set<String> names) {
        Map<String, Saved<Tensor>> got = new LinkedHashMap<>();
        model.session(s -> {
            Run run = s.run(zeros());
            Map<String, Value<Any>> inputs = new LinkedHashMap<>();
            Function<String, Value<Any>> in =
                    name -> inputs.computeIfAbsent(name, unused -> anchored(s, run, name, floats, wholes));
            OperatorCases.all().forEach((name, each) -> {
                if (names.contains(name)) {
                    Value<?> value = each.of(in, s);
                    DType wanted = REFERENCE.get("out/" + name).dtype();
                    value = value.type().dtype() == wanted ? value : value.cast(wanted);
                    got.put(name, value.save(name));
                }
            });
            return "";
        });
        got.forEach((name, saved) -> near(name, saved.value(), tolerance));
    }

    private static void near(String name, Tensor got, double tolerance) {
        Tensor wanted = REFERENCE.get("out/" + name);
        assertThat(got.shape()).as(name).isEqualTo(wanted.shape());
        double[] a = got.toDoubles();
        double[] b = wanted.toDoubles();
        for (int i = 0; i < b.length; i++) {
            boolean near = Double.compare(a[i], b[i]) == 0
                    || a[i] == b[i]
                    || Math.abs(a[i] - b[i]) <= tolerance * Math.max(1, Math.abs(b[i]));
            assertThat(near)
                    .as(name + " at " + i + ": expected " + b[i] + " but was " + a[i])
                    .isTrue();
        }
    }

    @Test
    void everyCaseHasItsReference() {
        Set<String> wanted = REFERENCE.keySet().stream()
                .filter(key -> key.startsWith("out/"))
                .map(key -> key.substring(4))
                .collect(Collectors.toSet());
        assertThat(OperatorCases.all().keySet()).isEqualTo(wanted);
    }

    @ParameterizedTest
    @MethodSource("opsets")
    void operatorsMeanTheSameInEveryOperatorSet(int opset) throws IOException {
        try (OnnxModel model = model(opset)) {
            check(model, opset, DType.FLOAT32, DType.INT64, 3e-6);
        }
    }

    /** Types that ONNX Runtime has few kernels for take a detour, and none of their numbers. */
    static Stream<List<Object>> types() {
        return IntStream.of(11, 12, 13, 17, 18, 21, 26)
                .boxed()
                .flatMap(opset -> Stream.of(
                        List.<Object>of(opset, DType.FLOAT64, DType.INT32, 3e-6),
                        List.<Object>of(opset, DType.FLOAT16, DType.INT16, 2e-2),
                        List.<Object>of(opset, DType.BFLOAT16, DType.INT8, 2e-1)))
                .filter(each -> (int) each.get(0) >= 13 || each.get(1) != DType.BFLOAT16); // ONNX had none before
    }

    @ParameterizedTest
    @MethodSource("types")
    void operatorsTakeEveryType(List<Object> each) throws IOException {
        int opset = (int) each.get(0);
        try (OnnxModel model = model(opset)) {
            check(model, opset, (DType) each.get(1), (DType) each.get(2), (double) each.get(3));
        }
    }

    @Test
    void constantsAloneAreComputedToo() throws IOException {
        Map<String, Saved<Tensor>> got = new LinkedHashMap<>();
        try (OnnxModel model = model(17)) {
            model.session(s -> {
                OperatorCases.all()
                        .forEach((name, each) -> got.put(
                                name,
                                each.of(input -> s.constant(REFERENCE.get("in/" + input)), s)
                                        .save(name)));
                return "";
            });
        }
        got.forEach((name, saved) -> near(name, saved.value(), 3e-6));
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void typesThatAnOperatorCannotTakeAreRefusedWhileRecording(DType dtype) throws IOException {
        try (OnnxModel model = model(17)) {
            if (!dtype.isFloat()) {
                assertThatThrownBy(() -> model.record(s -> ones(s, dtype).exp().save()))
                        .hasMessageContaining("[wrong-dtype] exp needs floating-point numbers but was given " + dtype);
            }
            if (dtype == DType.BOOL) {
                assertThatThrownBy(() -> model.record(
                                s -> ones(s, dtype).plus(ones(s, dtype)).save()))
                        .hasMessageContaining("[wrong-dtype] add needs numbers but was given bool");
            } else {
                assertThatThrownBy(() -> model.record(s -> ones(s, dtype).not().save()))
                        .hasMessageContaining("[wrong-dtype] not needs bool but was given " + dtype);
            }
        }
    }

    private static Value<Any> ones(Session s, DType dtype) {
        return s.constant(Tensor.scalar(dtype, 1)).expand(2, 3);
    }
}
