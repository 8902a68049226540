package dev.sonde.onnx.file;

import static dev.sonde.onnx.file.Models.addition;
import static dev.sonde.onnx.file.Models.external;
import static dev.sonde.onnx.file.Models.floats;
import static dev.sonde.onnx.file.Models.graph;
import static dev.sonde.onnx.file.Models.integer;
import static dev.sonde.onnx.file.Models.ints;
import static dev.sonde.onnx.file.Models.longs;
import static dev.sonde.onnx.file.Models.model;
import static dev.sonde.onnx.file.Models.node;
import static dev.sonde.onnx.file.Models.tensor;
import static dev.sonde.onnx.file.Models.value;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxFileTest {
    @TempDir
    Path temporary;

    @Test
    void constantNodesOfEveryFormBecomeInitialisers() throws Exception {
        OnnxFile file = open(addition()
                .addNode(constant("t", tensor("value", floats("", 2))))
                .addNode(constant("f", number("value_float").setF(1.5f)))
                .addNode(constant("fs", number("value_floats").addFloats(1).addFloats(2)))
                .addNode(constant("i", number("value_int").setI(7)))
                .addNode(constant("is", number("value_ints").addInts(7).addInts(8)))
                .addNode(node("Sum", "sum", List.of("x", "f", "f"), List.of("s")))
                .addNode(node("Reshape", "r", List.of("fs", "is"), List.of("unused")))
                .addNode(node("Gather", "g", List.of("x", "i"), List.of("p")))
                .addNode(node("Gather", "h", List.of("x", "is"), List.of("q")))
                .addNode(node("Concat", "c", List.of("fs", "t", "n"), List.of("o"), integer("axis", 0)))
                .addNode(node("Flatten", "n", List.of("x"), List.of("n"))));
        assertThat(tensorOf(file, "t").toFloats()).containsExactly(0, 1);
        assertThat(tensorOf(file, "f").shape()).isEmpty();
        assertThat(tensorOf(file, "f").item()).isEqualTo(1.5);
        assertThat(tensorOf(file, "fs").toFloats()).containsExactly(1, 2);
        assertThat(tensorOf(file, "i").toLongs()).containsExactly(7);
        assertThat(tensorOf(file, "is").toLongs()).containsExactly(7, 8);
        assertThat(file.isConstant("x")).isFalse();
        assertThat(file.constant("no such value")).isEmpty();
        assertThat(file.notes()).contains("Turned 5 Constant nodes into initialisers of the same names.");
        assertThat(file.originalNodeCount()).isEqualTo(12);
    }

    @Test
    void typedDataAreReadLikeRawData() throws Exception {
        TensorProto half = TensorProto.newBuilder()
                .setName("half")
                .setDataType(10)
                .addDims(2)
                .addInt32Data(0x3c00)
                .addInt32Data(0xc000)
                .build();
        TensorProto packed = TensorProto.newBuilder()
                .setName("packed")
                .setDataType(21)
                .addDims(3)
                .addInt32Data(0x21)
                .addInt32Data(3)
                .build();
        OnnxFile file = open(addition()
                .addInitializer(half)
                .addInitializer(packed)
                .addNode(node("Cast", "a", List.of("half"), List.of("wide"), integer("to", 1)))
                .addNode(node("DequantizeLinear", "b", List.of("packed", "w0"), List.of("unpacked")))
                .addInitializer(floats("w0").toBuilder())
                .addOutput(value("wide", 1, 2))
                .addOutput(value("unpacked", 1, 3)));
        assertThat(tensorOf(file, "wide").toFloats()).containsExactly(1, -2);
        assertThat(file.constant("packed").orElseThrow().bytes()).isEqualTo(ByteBuffer.wrap(new byte[] {0x21, 3}));
        assertThat(file.constant("packed").orElseThrow()).hasToString("packed uint4[3]");
    }

    @Test
    void constantSubgraphsAreEvaluatedOnce() throws Exception {
        OnnxFile file = open(addition()
                .addInitializer(floats("weight", 64, 64))
                .addNode(node("Transpose", "t", List.of("weight"), List.of("weight_T"), ints("perm", 1, 0)))
                .addNode(node("Add", "twice", List.of("weight", "weight"), List.of("doubled")))
                .addNode(node("Identity", "id", List.of("w"), List.of("bias")))
                .addNode(node("MatMul", "m", List.of("y", "weight_T"), List.of("z")))
                .addNode(node("Gemm", "n", List.of("z", "doubled", "bias"), List.of("out")))
                .addOutput(value("out", 1, "batch", 64)));
        assertThat(ops(file)).containsExactly("Add", "MatMul", "Gemm");
        assertThat(tensorOf(file, "weight_T").at(3, 5)).isEqualTo(5 * 64 + 3);
        assertThat(tensorOf(file, "doubled").at(3, 5)).isEqualTo(2 * (3 * 64 + 5));
        assertThat(file.rearranged("weight_T")).contains(new Rearranged("weight", List.of(1, 0)));
        assertThat(file.rearranged("bias")).contains(new Rearranged("w", List.of()));
        assertThat(file.rearranged("doubled")).isEmpty();
        assertThat(file.isConstant("weight")).as("nothing reads it any more").isFalse();
        assertSameNumbers(file);
    }

    @Test
    void quantisedWeightsAndRandomNumbersStayAsTheyAre() throws Exception {
        OnnxFile file = open(addition()
                .addInitializer(Models.raw("q", 3, ByteBuffer.allocate(64 * 64), 64, 64))
                .addInitializer(floats("scale"))
                .addInitializer(longs("shape", 64, 64))
                .addNode(node("DequantizeLinear", "dq", List.of("q", "scale"), List.of("weight")))
                .addNode(node("Transpose", "t", List.of("weight"), List.of("weight_T")))
                .addNode(node("RandomNormalLike", "rnd", List.of("q"), List.of("noise"), integer("dtype", 1)))
                .addNode(node("MatMul", "m", List.of("y", "weight_T"), List.of("z")))
                .addOutput(value("z", 1, "batch", 64)));
        assertThat(ops(file)).containsExactly("Add", "DequantizeLinear", "Transpose", "RandomNormalLike", "MatMul");
    }

    @Test
    void constantsThatWouldExplodeStayNodes() throws Exception {
        OnnxFile file = open(addition()
                .addInitializer(longs("huge", 40_000, 40_000))
                .addInitializer(longs("small", 64))
                .addInitializer(floats("column", 30_000, 1))
                .addInitializer(floats("row", 1, 30_000))
                .addInitializer(longs("from"))
                .addNode(node("ConstantOfShape", "a", List.of("huge"), List.of("mask")))
                .addNode(node("ConstantOfShape", "b", List.of("small"), List.of("zeros")))
                .addNode(node("Add", "outer", List.of("column", "row"), List.of("table")))
                .addNode(node("Add", "c", List.of("y", "zeros"), List.of("z")))
                .addOutput(value("z", 1, "batch", 64))
                .addOutput(value("mask", 1, 40_000, 40_000))
                .addOutput(value("table", 1, 30_000, 30_000)));
        assertThat(ops(file)).containsExactly("Add", "ConstantOfShape", "Add", "Add");
        assertThat(file.isConstant("zeros")).isTrue();
        assertThat(file.notes())
                .contains(
                        "Left 2 constant subgraphs in place: 'mask' (ConstantOfShape: float32[40000, 40000] would be much"
                                + " larger than what it is made from), 'table' (Add: float32[30000, 30000] would be much larger than"
                                + " what it is made from).");
    }

    @Test
    void resultsWhoseSizeIsKnownOnlyAfterwardsAreFolded() throws Exception {
        OnnxFile file = open(addition()
                .addInitializer(longs("flags", 0, 3, 0, 4))
                .addInitializer(longs("two", 2))
                .addNode(node("NonZero", "nz", List.of("flags"), List.of("where")))
                .addNode(node("Div", "half", List.of("where", "two"), List.of("halves")))
                .addOutput(value("halves", 7, 1, "n")));
        assertThat(tensorOf(file, "halves").toLongs()).containsExactly(0, 1);
        assertThat(ops(file)).containsExactly("Add");
        assertSameNumbers(file);
    }

    @Test
    void constantOutputsAndUnreadInputsSurvive() throws Exception {
        OnnxFile file = open(addition()
                .addInput(value("unread", 1, "batch"))
                .addNode(constant("c", tensor("value", floats("", 3))))
                .addNode(node("Neg", "neg", List.of("c"), List.of("d")))
                .addOutput(value("c", 1, 3))
                .addOutput(value("d", 1, 3))
                .addOutput(value("w", 1, 64)));
        assertThat(file.skeleton().getGraph().getInputList().stream().map(ValueInfoProto::getName))
                .containsExactly("x", "unread");
        assertSameNumbers(file);
    }

    @Test
    void nodesGetNamesOfTheirOwn() throws Exception {
        OnnxFile file = open(addition()
                .addNode(node("Neg", "", List.of("y"), List.of("a")))
                .addNode(node("Neg", "add", List.of("a"), List.of("b")))
                .addNode(node("Neg", "", List.of("b"), List.of("c")))
                .addNode(node("Neg", "Neg_3", List.of("c"), List.of("d"))));
        assertThat(names(file)).containsExactly("add", "Neg_1", "add_2", "Neg_3_2", "Neg_3");
    }

    @Test
    void nodesAreSorted() throws Exception {
        GraphProto.Builder graph = addition();
        NodeProto add = graph.getNode(0);
        OnnxFile file = open(graph.clearNode()
                .addNode(node("Neg", "late", List.of("h"), List.of("z")))
                .addNode(node("Neg", "middle", List.of("y"), List.of("h")))
                .addNode(add)
                .addOutput(value("z", 1, "batch", 64)));
        assertThat(names(file)).containsExactly("add", "middle", "late");
        assertThat(file.notes()).containsExactly("Sorted the nodes: the file has some before the values they read.");
        assertThat(result(file, "z")).isEqualTo(sum());
    }

    @Test
    void inputsThatAreInitialisersAreRemoved() throws Exception {
        ModelProto old = model(addition().addInput(value("w", 1, 64))).toBuilder()
                .setIrVersion(3)
                .build();
        OnnxFile file = OnnxFile.open(Models.write(old, temporary.resolve("old/model.onnx")), cache());
        assertThat(file.skeleton().getGraph().getInputList()).hasSize(1);
        assertThat(file.irVersion()).isEqualTo(3);
        assertThat(file.skeleton().getIrVersion()).isEqualTo(4);
        assertSameNumbers(file);
    }

    @Test
    void ifsWithAConstantConditionAreReplacedByTheirBranch() throws Exception {
        GraphProto.Builder inner = GraphProto.newBuilder()
                .addInitializer(floats("w2", 64))
                .addNode(node("Mul", "mul", List.of("y", "w2"), List.of("h")))
                .addNode(node("Neg", "neg", List.of("h"), List.of("then_out")))
                .addOutput(value("then_out", 1, "batch", 64));
        GraphProto.Builder other = GraphProto.newBuilder()
                .addNode(node("Identity", "same", List.of("y"), List.of("else_out")))
                .addOutput(value("else_out", 1, "batch", 64));
        AttributeProto[] branches = {graph("then_branch", inner), graph("else_branch", other)};
        OnnxFile file = open(addition()
                .addInitializer(longs("one", 1))
                .addNode(node("Cast", "cast", List.of("one"), List.of("yes"), integer("to", 9)))
                .addNode(node("If", "if", List.of("yes"), List.of("z"), branches))
                .addNode(node("If", "again", List.of("yes"), List.of("z2"), branches))
                .addOutput(value("z", 1, "batch", 64))
                .addOutput(value("z2", 1, "batch", 64)));
        assertThat(ops(file)).containsExactly("Add", "Mul", "Neg", "Mul", "Neg");
        assertThat(file.skeleton().getGraph().getNodeList().stream().map(n -> n.getOutput(0)))
                .as("both branches call a value h")
                .containsExactly("y", "h", "z", "h_2", "z2");
        assertThat(names(file)).doesNotHaveDuplicates();
        assertSameNumbers(file);
    }

    @Test
    void mergedDecodersAreSpecialised() throws Exception {
        GraphProto.Builder past = GraphProto.newBuilder()
                .addNode(node("Add", "continue", List.of("x", "past_key_values.0.key"), List.of("h")))
                .addNode(node("Add", "logits_w", List.of("h", "w"), List.of("logits")))
                .addOutput(value("logits", 1, "batch", 64));
        GraphProto.Builder noPast = GraphProto.newBuilder()
                .addNode(constant("three", tensor("value", floats("", 64))))
                .addNode(node("Add", "start", List.of("x", "three"), List.of("logits")))
                .addOutput(value("logits", 1, "batch", 64));
        ModelProto merged = model(GraphProto.newBuilder()
                .addInput(value("x", 1, "batch", 64))
                .addInput(value("past_key_values.0.key", 1, "batch", 64))
                .addInput(value("use_cache_branch", 9, 1))
                .addInitializer(floats("w", 64))
                .addNode(node(
                        "If",
                        "optimum::if",
                        List.of("use_cache_branch"),
                        List.of("logits"),
                        graph("then_branch", past),
                        graph("else_branch", noPast)))
                .addOutput(value("logits", 1, "batch", 64)));
        Path path = Models.write(merged, temporary.resolve("merged/decoder_model_merged.onnx"));
        OnnxFile without = OnnxFile.open(path, cache());
        OnnxFile with = OnnxFile.open(path.getParent(), cache(), OnnxFile.Branch.WITH_PAST);
        assertThat(names(without)).containsExactly("start");
        assertThat(without.skeleton().getGraph().getInputList().stream().map(ValueInfoProto::getName))
                .containsExactly("x");
        assertThat(without.notes())
                .contains(
                        "Took the branch without past of the merged decoder and dropped the input use_cache_branch and those"
                                + " of the other branch: past_key_values.0.key.");
        assertThat(names(with)).containsExactly("continue", "logits_w");
        assertThat(with.skeleton().getGraph().getInputList().stream().map(ValueInfoProto::getName))
                .containsExactly("x", "past_key_values.0.key");
        assertThat(result(without, "logits")).isEqualTo(sum());
        assertThat(names(OnnxFile.open(path, cache()))).containsExactly("start");
    }

    @Test
    void stackTracesAndStaleShapesAreDropped() throws Exception {
        GraphProto.Builder graph = addition().addValueInfo(value("h", 1, 3));
        graph.getNodeBuilder(0)
                .setDocString("made by me")
                .addMetadataProps(Models.entry("pkg.torch.onnx.stack_trace", "File ..."))
                .addMetadataProps(Models.entry("pkg.torch.onnx.name_scopes", "['', 'add']"))
                .addMetadataProps(Models.entry("namespace", ": M"))
                .addMetadataProps(Models.entry("pkg.onnxscript.name_scopes", "[]"));
        OnnxFile file = open(graph);
        assertThat(file.skeleton().getGraph().getValueInfoCount()).isZero();
        NodeProto node = file.skeleton().getGraph().getNode(0);
        assertThat(node.getDocString()).isEmpty();
        assertThat(node.getMetadataPropsList().stream().map(entry -> entry.getKey()))
                .containsExactly("pkg.torch.onnx.name_scopes", "namespace", "pkg.onnxscript.name_scopes");
        assertThat(file.skeleton().getGraph().getInput(0)).isEqualTo(value("x", 1, "batch", 64));
        assertThat(file.producer()).isEqualTo("hand 1");
        assertThat(file.opsets()).containsExactlyEntriesOf(java.util.Map.of("ai.onnx", 17));
    }

    @Test
    void largeWeightsLieAtPagesOfOneFile() throws Exception {
        OnnxFile file = open(addition()
                .addInitializer(floats("big", 256, 256))
                .addInitializer(floats("medium", 16, 64))
                .addNode(node("Gather", "g", List.of("big", "i"), List.of("a")))
                .addNode(node("Gather", "h", List.of("medium", "i"), List.of("b")))
                .addInput(value("i", 7, "n")));
        assertThat(offset(file, "big") % 4096).isZero();
        assertThat(offset(file, "medium") % 64).isZero();
        assertThat(location(file, "w")).as("256 bytes").isEmpty();
        assertThat(file.weightsFolder()).isEqualTo(cache().resolve(file.sha256()));
        assertThat(tensorOf(file, "big").at(255, 255)).isEqualTo(65535);
        assertThat(tensorOf(file, "medium").at(15, 63)).isEqualTo(1023);
        assertThat(file.constant("big").orElseThrow().bytes().isDirect()).isTrue();
    }

    @Test
    void externalDataStayWhereTheyAre() throws Exception {
        OnnxFile file = openWithExternal(addition());
        assertThat(location(file, "big")).isEqualTo("data/w.bin");
        assertThat(file.weightsFolder()).isEqualTo(temporary.resolve("model"));
        assertThat(tensorOf(file, "big").at(1, 0)).isEqualTo(64);
        assertThat(cache().resolve(file.sha256()).resolve("weights.bin")).doesNotExist();
        assertSameNumbers(file);
    }

    @Test
    void externalDataMoveTogetherWithLargeNewWeights() throws Exception {
        OnnxFile file = openWithExternal(addition()
                .addInitializer(longs("shape", 2048, 2048))
                .addNode(node("ConstantOfShape", "zeros", List.of("shape"), List.of("table")))
                .addNode(node("ConstantOfShape", "zeros2", List.of("shape"), List.of("table2")))
                .addInput(value("i", 7, "n"))
                .addNode(node("Gather", "gather", List.of("table", "i"), List.of("a")))
                .addNode(node("Gather", "gather2", List.of("table2", "i"), List.of("b"))));
        assertThat(location(file, "table")).isEqualTo("weights.bin");
        assertThat(location(file, "big")).isEqualTo("weights.bin");
        assertThat(tensorOf(file, "big").at(1, 0)).isEqualTo(64);
        assertSameNumbers(file);
    }

    @Test
    void aChangedFileIsReadAgain() throws Exception {
        Path path = temporary.resolve("model/model.onnx");
        Models.write(model(addition()), path);
        OnnxFile first = OnnxFile.open(path, cache());
        GraphProto.Builder changed = addition();
        changed.getNodeBuilder(0).setOpType("Sub"); // as many bytes as before
        Models.write(model(changed), path);
        OnnxFile second = OnnxFile.open(path, cache());
        assertThat(second.sha256()).isNotEqualTo(first.sha256());
        assertThat(ops(second)).containsExactly("Sub");
        assertThat(Files.size(path)).isEqualTo(model(addition()).getSerializedSize());
    }

    @Test
    void changedExternalDataAreReadAgain() throws Exception {
        OnnxFile first = openWithExternal(addition());
        Path data = temporary.resolve("model/data/w.bin");
        byte[] bytes = Files.readAllBytes(data);
        bytes[bytes.length / 2] ^= 1;
        Files.write(data, bytes);
        settle(data);
        assertThat(OnnxFile.open(temporary.resolve("model"), cache()).sha256()).isNotEqualTo(first.sha256());
    }

    @Test
    void aSecondOpenTakesWhatTheFirstMade() throws Exception {
        Path path = Models.write(model(addition()), temporary.resolve("model/model.onnx"));
        settle(path);
        OnnxFile first = OnnxFile.open(path, cache());
        Path skeleton = cache().resolve(first.sha256()).resolve(ModelCache.SKELETON);
        FileTime made = Files.getLastModifiedTime(skeleton);
        assertThat(new ModelCache(cache()).knownHash(path)).contains(first.sha256());
        OnnxFile.open(path, cache(), OnnxFile.Branch.WITH_PAST);
        Path copy = Files.copy(path, temporary.resolve("copy.onnx"));
        assertThat(OnnxFile.open(copy, cache()).sha256()).isEqualTo(first.sha256());
        assertThat(Files.getLastModifiedTime(skeleton)).isEqualTo(made);
        assertThat(entries()).containsExactlyInAnyOrder("index", first.sha256());
    }

    @Test
    void aDamagedCacheEntryIsMadeAnew() throws Exception {
        Path path = Models.write(model(addition()), temporary.resolve("model/model.onnx"));
        OnnxFile first = OnnxFile.open(path, cache());
        Path skeleton = cache().resolve(first.sha256()).resolve(ModelCache.SKELETON);
        Files.write(skeleton, new byte[] {1, 2, 3});
        assertThat(OnnxFile.open(path, cache()).skeleton()).isEqualTo(first.skeleton());
    }

    @Test
    void manyMayOpenTheSameFileTogether() throws Exception {
        Path path = Models.write(
                model(addition()
                        .addInitializer(floats("big", 512, 512))
                        .addInput(value("i", 7, "n"))
                        .addNode(node("Gather", "g", List.of("big", "i"), List.of("a")))),
                temporary.resolve("model/model.onnx"));
        ExecutorService pool = Executors.newFixedThreadPool(8);
        try {
            List<Callable<OnnxFile>> opens = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                opens.add(() -> OnnxFile.open(path, cache()));
            }
            for (Future<OnnxFile> file : pool.invokeAll(opens)) {
                assertThat(tensorOf(file.get(), "big").at(511, 511)).isEqualTo(512 * 512 - 1);
            }
        } finally {
            pool.shutdown();
        }
        assertThat(entries()).noneMatch(name -> name.contains(".part-"));
    }

    private OnnxFile open(GraphProto.Builder graph) throws IOException {
        return OnnxFile.open(Models.write(model(graph), temporary.resolve("model/model.onnx")), cache());
    }

    private OnnxFile openWithExternal(GraphProto.Builder graph) throws IOException {
        Path data = temporary.resolve("model/data/w.bin");
        Files.createDirectories(data.getParent());
        byte[] weights = new byte[64 + 64 * 64 * 4];
        floats("", 64, 64).getRawData().copyTo(weights, 64);
        Files.write(data, weights);
        settle(data);
        return open(graph.addInitializer(external("big", "data/w.bin", 64, 64 * 64 * 4, 64, 64))
                .addNode(node("MatMul", "m", List.of("y", "big"), List.of("z")))
                .addOutput(value("z", 1, "batch", 64)));
    }

    /** Makes the file look as if nobody were at work on it. */
    private static void settle(Path path) throws IOException {
        Files.setLastModifiedTime(path, FileTime.from(Instant.now().minusSeconds(60)));
    }

    private Path cache() {
        return temporary.resolve("cache");
    }

    private List<String> entries() throws IOException {
        try (Stream<Path> files = Files.list(cache())) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    private static NodeProto constant(String name, AttributeProto attribute) {
        return node("Constant", name, List.of(), List.of(name), attribute);
    }

    private static NodeProto constant(String name, AttributeProto.Builder attribute) {
        return constant(name, attribute.build());
    }

    private static AttributeProto.Builder number(String name) {
        AttributeProto.AttributeType type = switch (name) {
            case "value_float" -> AttributeProto.AttributeType.FLOAT;
            case "value_floats" -> AttributeProto.AttributeType.FLOATS;
            case "value_int" -> AttributeProto.AttributeType.INT;
            default -> AttributeProto.AttributeType.INTS;
        };
        return AttributeProto.newBuilder().setName(name).setType(type);
    }

    private static List<String> ops(OnnxFile file) {
        return file.skeleton().getGraph().getNodeList().stream()
                .map(NodeProto::getOpType)
                .toList();
    }

    private static List<String> names(OnnxFile file) {
        return file.skeleton().getGraph().getNodeList().stream()
                .map(NodeProto::getName)
                .toList();
    }

    private static Tensor tensorOf(OnnxFile file, String name) {
        assertThat(file.isConstant(name)).isTrue();
        return file.constant(name).orElseThrow().toTensor();
    }

    private static TensorProto initialiser(OnnxFile file, String name) {
        return file.skeleton().getGraph().getInitializerList().stream()
                .filter(tensor -> tensor.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static String location(OnnxFile file, String name) {
        return entry(file, name, "location");
    }

    private static long offset(OnnxFile file, String name) {
        return Long.parseLong(entry(file, name, "offset"));
    }

    private static String entry(OnnxFile file, String name, String key) {
        return initialiser(file, name).getExternalDataList().stream()
                .filter(entry -> entry.getKey().equals(key))
                .map(entry -> entry.getValue())
                .findFirst()
                .orElse("");
    }

    private static ByteBuffer result(OnnxFile file, String output) throws OrtException {
        try (OrtSession session = Runs.session(file)) {
            return Runs.run(session).get(output);
        }
    }

    /** {@code x + [0, 1, ... 63]} for the input that {@link Runs} makes; also its double negation. */
    private ByteBuffer sum() throws OrtException, IOException {
        Path path = Models.write(model(addition()), temporary.resolve("sum/model.onnx"));
        try (OrtSession session = Runs.session(path)) {
            return Runs.run(session).get("y");
        }
    }

    private static void assertSameNumbers(OnnxFile file) throws OrtException {
        try (OrtSession original = Runs.session(file.source());
                OrtSession skeleton = Runs.session(file)) {
            assertThat(Runs.run(skeleton)).isEqualTo(Runs.run(original));
        }
    }
}
