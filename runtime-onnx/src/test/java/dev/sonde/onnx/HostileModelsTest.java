package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.Input;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files that would crash, stop or fill the process that runs them end another process, and this one says so. */
@Timeout(900)
class HostileModelsTest {
    private static final int COPIES = Boolean.getBoolean("sonde.full") ? 2000 : 200;
    private static final List<String> MODELS = List.of(
            "mlp_tiny/torchscript.onnx",
            "mlp_deep/dynamo.onnx",
            "gpt2/opset11.onnx",
            "gpt2/ort_fused.onnx",
            "llama/torchscript.onnx",
            "bert/dynamo.onnx",
            "vit/torchscript.onnx");

    @TempDir
    private Path folder;

    private static ValueInfoProto value(String name, int type, String... dims) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        Stream.of(dims).forEach(dim -> shape.addDimBuilder().setDimParam(dim));
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(
                                TypeProto.Tensor.newBuilder().setElemType(type).setShape(shape)))
                .build();
    }

    private static NodeProto node(String type, List<String> inputs, String output) {
        return NodeProto.newBuilder()
                .setOpType(type)
                .setName(output + "_node")
                .addAllInput(inputs)
                .addOutput(output)
                .build();
    }

    private static TensorProto number(String name, int type, long... values) {
        TensorProto.Builder tensor = TensorProto.newBuilder().setName(name).setDataType(type);
        if (type == TensorProto.DataType.BOOL_VALUE) {
            tensor.addInt32Data((int) values[0]);
        } else {
            tensor.addDims(values.length);
            for (long each : values) {
                tensor.addInt64Data(each);
            }
        }
        return tensor.build();
    }

    private Path write(GraphProto.Builder graph) throws IOException {
        ModelProto model = ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
                .setGraph(graph.setName("hostile"))
                .build();
        return Files.write(folder.resolve("model.onnx"), model.toByteArray());
    }

    /** The quotient of the lowest whole number and -1 is none: processors end the program that asks for it. */
    private Path crashing() throws IOException {
        return write(GraphProto.newBuilder()
                .addInput(value("x", TensorProto.DataType.INT64_VALUE, "batch"))
                .addInitializer(number("lowest", TensorProto.DataType.INT64_VALUE, Long.MIN_VALUE))
                .addInitializer(number("one", TensorProto.DataType.INT64_VALUE, 1))
                .addNode(node("Sub", List.of("x", "x"), "zero"))
                .addNode(node("Add", List.of("zero", "lowest"), "a"))
                .addNode(node("Sub", List.of("zero", "one"), "b"))
                .addNode(node("Div", List.of("a", "b"), "y"))
                .addOutput(value("y", TensorProto.DataType.INT64_VALUE, "batch")));
    }

    private Path endless() throws IOException {
        GraphProto body = GraphProto.newBuilder()
                .setName("body")
                .addInput(value("i", TensorProto.DataType.INT64_VALUE))
                .addInput(value("c", TensorProto.DataType.BOOL_VALUE))
                .addInput(value("v", TensorProto.DataType.FLOAT_VALUE, "batch"))
                .addNode(node("Identity", List.of("c"), "c2"))
                .addNode(node("Add", List.of("v", "v"), "v2"))
                .addOutput(value("c2", TensorProto.DataType.BOOL_VALUE))
                .addOutput(value("v2", TensorProto.DataType.FLOAT_VALUE, "batch"))
                .build();
        return write(GraphProto.newBuilder()
                .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, "batch"))
                .addInitializer(number("yes", TensorProto.DataType.BOOL_VALUE, 1))
                .addNode(node("Loop", List.of("", "yes", "x"), "y").toBuilder()
                        .addAttribute(AttributeProto.newBuilder()
                                .setName("body")
                                .setType(AttributeProto.AttributeType.GRAPH)
                                .setG(body)))
                .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, "batch")));
    }

    private Path greedy() throws IOException {
        return write(GraphProto.newBuilder()
                .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, "batch"))
                .addInitializer(number("large", TensorProto.DataType.INT64_VALUE, 150_000_000L, 1))
                .addNode(node("Expand", List.of("x", "large"), "y"))
                .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, "a", "b")));
    }

    private Options options() {
        return Options.builder().cacheFolder(folder.resolve("cache")).build();
    }

    private void probe(Path file, Duration most, long bytes) throws IOException {
        try (ProbeProcess process = ProbeProcess.start()) {
            process.ask(OnnxFile.open(file, folder.resolve("cache")), folder.resolve("cache"));
            process.answer(most, bytes);
        }
    }

    @Test
    void aCrashEndsTheOtherProcess() throws IOException {
        Path file = crashing();
        assertThatThrownBy(() -> OnnxModel.open(file, options()))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining(
                        "[unrunnable-model] Cannot run '" + file + "': the process that tried it first crashed");
    }

    @Test
    void whatNeverEndsIsEnded() throws IOException {
        Path file = endless();
        assertThatThrownBy(() -> probe(file, Duration.ofSeconds(4), Long.MAX_VALUE))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[unrunnable-model]")
                .hasMessageContaining("did not end within 4 s");
    }

    @Test
    void whatTakesTooMuchIsEnded() throws IOException {
        Path file = greedy();
        assertThatThrownBy(() -> probe(file, Duration.ofSeconds(60), 600L << 20))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[unrunnable-model]")
                .hasMessageContaining("took more than 600 MiB of memory");
    }

    @Test
    void anErrorInTheFileComesThroughAsItIs() throws IOException {
        Path file = Files.writeString(folder.resolve("model.onnx"), "not a model");
        assertThatThrownBy(() -> OnnxModel.open(file, options())).hasMessageContaining("[not-onnx]");
        Path cut = Files.write(
                folder.resolve("model.onnx"),
                java.util.Arrays.copyOf(
                        Files.readAllBytes(TestModels.conformance().resolve(MODELS.get(2))), 100_000));
        assertThatThrownBy(() -> OnnxModel.open(cut, options())).hasMessageContaining("[truncated]");
    }

    @Test
    void whatWasOpenedOnceNeedsNoOtherProcess() throws IOException {
        Path file = Files.copy(TestModels.conformance().resolve(MODELS.get(1)), folder.resolve("model.onnx"));
        Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(1_000_000_000_000L));
        OnnxModel.open(file, options()).close();
        Path mark;
        try (Stream<Path> cached = Files.walk(folder.resolve("cache"))) {
            mark = cached.filter(each -> each.endsWith("probed")).findFirst().orElseThrow();
        }
        assertThat(OnnxFile.known(file, folder.resolve("cache"))).isPresent();
        Object before = Files.getLastModifiedTime(mark);
        OnnxModel.open(file, options()).close();
        assertThat(Files.getLastModifiedTime(mark)).isEqualTo(before);
    }

    @Test
    void externalDataStayInTheFolder() throws IOException {
        Path secret = Files.write(folder.resolve("secret.bin"), new byte[64]);
        Path inside = Files.createDirectory(folder.resolve("model"));
        Files.createSymbolicLink(inside.resolve("link.bin"), secret);
        for (String location : List.of("../secret.bin", secret.toString(), "link.bin", "a/../../secret.bin", ".", "")) {
            TensorProto.Builder weight = TensorProto.newBuilder()
                    .setName("w")
                    .setDataType(TensorProto.DataType.FLOAT_VALUE)
                    .addDims(16)
                    .setDataLocation(TensorProto.DataLocation.EXTERNAL);
            weight.addExternalDataBuilder().setKey("location").setValue(location);
            Path file = Files.move(
                    write(GraphProto.newBuilder()
                            .addInput(value("x", TensorProto.DataType.FLOAT_VALUE, "batch"))
                            .addInitializer(weight)
                            .addNode(node("Add", List.of("x", "w"), "y"))
                            .addOutput(value("y", TensorProto.DataType.FLOAT_VALUE, "a"))),
                    inside.resolve("model.onnx"),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            assertThatThrownBy(() -> OnnxModel.open(file, options()))
                    .as(location)
                    .hasMessageContaining("[external-data-outside]");
        }
    }

    /** Copies with random bytes are refused by name, or open and run here. */
    @Test
    void flippedBytesNeverEndThisProcess() throws IOException {
        Random random = new Random(20261125);
        Map<String, Integer> codes = new TreeMap<>();
        ProbeProcess process = ProbeProcess.start();
        for (int copy = 0; copy < COPIES; copy++) {
            Path file = damaged(random, MODELS.get(copy % MODELS.size()));
            Path cache = folder.resolve("cache" + copy);
            String code = "opened";
            try {
                process = asked(process, OnnxFile.open(file, cache), cache);
                process.answer(Duration.ofSeconds(30), 3L << 30);
                run(
                        file,
                        Options.builder()
                                .cacheFolder(cache)
                                .probing(Options.Probing.HERE)
                                .build(),
                        codes);
            } catch (SondeException refused) {
                assertThat(refused.problem()).as("copy %s", copy).contains(file.toString());
                code = refused.code() + (refused.problem().contains("crashed") ? " (crash)" : "");
            }
            codes.merge(code, 1, Integer::sum);
            delete(cache);
        }
        process.close();
        System.out.println("flipped bytes, opened and run: " + codes);
        assertThat(codes).containsKey("opened").hasSizeGreaterThan(4);
    }

    /** A process that was ended may look alive for a moment: whoever cannot be asked is replaced. */
    private static ProbeProcess asked(ProbeProcess process, OnnxFile file, Path cache) throws IOException {
        if (process.isAlive()) {
            try {
                process.ask(file, cache);
                return process;
            } catch (IOException ending) {
                process.close();
            }
        }
        ProbeProcess next = ProbeProcess.start();
        next.ask(file, cache);
        return next;
    }

    private Path damaged(Random random, String model) throws IOException {
        byte[] bytes = Files.readAllBytes(TestModels.conformance().resolve(model));
        int flips = 1 + random.nextInt(8);
        for (int i = 0; i < flips; i++) {
            int range = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 4000);
            int at = random.nextBoolean() ? random.nextInt(range) : bytes.length - 1 - random.nextInt(range);
            bytes[at] = (byte) random.nextInt(256);
        }
        return Files.write(folder.resolve("model.onnx"), bytes);
    }

    private static void run(Path file, Options options, Map<String, Integer> codes) {
        try (OnnxModel model = OnnxModel.open(file, options)) {
            List<SiteInfo> sites = model.manifest().sites();
            String last = sites.get(sites.size() - 1).name();
            model.trace(input(model), t -> t.get(last).save());
            codes.merge("ran", 1, Integer::sum);
        } catch (SondeException refused) {
            codes.merge("not run: " + refused.code(), 1, Integer::sum);
        }
    }

    private static RunInput input(OnnxModel model) {
        if (model.manifest().input(Role.TOKENS).isPresent()) {
            return Input.ids(1, 2, 3, 4);
        }
        Map<String, Tensor> tensors = new HashMap<>();
        for (ModelInput input : model.manifest().inputs()) {
            long[] shape = input.axes().stream()
                    .mapToLong(axis -> axis.size().in(Map.of()).orElse(1))
                    .toArray();
            int count = 1;
            for (long size : shape) {
                count *= (int) size;
            }
            tensors.put(input.name(), Tensor.of(new float[count], shape));
        }
        return Input.tensors(tensors);
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> all = Files.walk(folder)) {
                all.sorted(java.util.Comparator.reverseOrder())
                        .forEach(path -> path.toFile().delete());
            }
        }
    }
}
