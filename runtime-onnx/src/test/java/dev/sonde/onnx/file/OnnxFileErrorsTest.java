package dev.sonde.onnx.file;

import static dev.sonde.onnx.file.Models.addition;
import static dev.sonde.onnx.file.Models.external;
import static dev.sonde.onnx.file.Models.floats;
import static dev.sonde.onnx.file.Models.longs;
import static dev.sonde.onnx.file.Models.model;
import static dev.sonde.onnx.file.Models.node;
import static dev.sonde.onnx.file.Models.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.SondeException;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The exact text of every refusal. */
class OnnxFileErrorsTest {
    @TempDir
    Path temporary;

    private Path folder;
    private Path file;

    @BeforeEach
    void setUp() throws IOException {
        folder = Files.createDirectories(temporary.resolve("m"));
        file = folder.resolve("model.onnx");
    }

    @Test
    void missingFile() throws IOException {
        Models.write(model(addition()), folder.resolve("modle.onnx"));
        assertError(
                folder.resolve("model.onnx"),
                "file-missing",
                "No file or folder at '" + folder
                        + "/model.onnx': expected an ONNX file or a folder with one; in the same"
                        + " folder: modle.onnx");
    }

    @Test
    void missingFolder() {
        assertError(
                folder.resolve("no/model.onnx"),
                "file-missing",
                "No file or folder at '" + folder
                        + "/no/model.onnx': expected an ONNX file or a folder with one; the folder '" + folder
                        + "/no' does not exist either");
    }

    @Test
    void folderWithoutModel() {
        assertError(
                folder,
                "file-missing",
                "No ONNX file in folder '" + folder
                        + "': expected model.onnx, onnx/model.onnx or one file *.onnx but found" + " none");
    }

    @Test
    void folderWithManyModels() throws IOException {
        Models.write(model(addition()), folder.resolve("encoder.onnx"));
        Models.write(model(addition()), folder.resolve("decoder.onnx"));
        assertError(
                folder,
                "ambiguous-folder",
                "Which model of folder '" + folder
                        + "'? Expected model.onnx, onnx/model.onnx or one file *.onnx but found 2:"
                        + " decoder.onnx, encoder.onnx. Give the path of the file");
    }

    @Test
    void emptyFile() throws IOException {
        assertContent(
                new byte[0],
                "not-onnx",
                "This is not an ONNX model: expected a protobuf ModelProto but was an empty file");
    }

    @Test
    void textFile() throws IOException {
        assertContent(
                "hello\n".getBytes(StandardCharsets.UTF_8),
                "not-onnx",
                "This is not an ONNX model: expected a protobuf ModelProto but was text");
    }

    @Test
    void gitLfsPointer() throws IOException {
        assertContent(
                "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".getBytes(StandardCharsets.UTF_8),
                "not-onnx",
                "This is not an ONNX model: expected a protobuf ModelProto but was a Git LFS pointer: the model itself was not"
                        + " fetched (git lfs pull)");
    }

    @Test
    void image() throws IOException {
        assertContent(
                "\u0089PNG\r\n\u001a\n\0\0\0\rIHDR".getBytes(StandardCharsets.ISO_8859_1),
                "not-onnx",
                "This is not an ONNX model: expected a protobuf ModelProto but was a PNG image");
    }

    @Test
    void otherBytes() throws IOException {
        assertContent(
                new byte[] {(byte) 0xff, 7, 1, 2},
                "not-onnx",
                "This is not an ONNX model: expected a protobuf ModelProto but was something else: no field of an ONNX model"
                        + " starts at byte 0");
    }

    @Test
    void truncatedFile() throws IOException {
        byte[] whole = Files.readAllBytes(TestModels.conformance().resolve("gpt2/torchscript.onnx"));
        assertContent(
                Arrays.copyOf(whole, whole.length / 2),
                "truncated",
                "The ONNX model is cut short or damaged: field 7 (the graph) at byte 19 needs 285772 bytes but 142876 are left;"
                        + " the file has 142899 bytes");
    }

    @Test
    void fileThatEndsAfterTheGraph() throws IOException {
        assertModel(
                model(addition()).toBuilder().clearOpsetImport().build(),
                "truncated",
                "The ONNX model is cut short: expected the operator sets it uses (opset_import) after the graph but there are"
                        + " none");
    }

    @Test
    void fileThatEndsBeforeTheGraph() throws IOException {
        assertModel(
                model(addition()).toBuilder().clearGraph().build(),
                "truncated",
                "The ONNX model is cut short: expected a graph but there is none");
    }

    @Test
    void newerIrVersion() throws IOException {
        assertModel(
                model(addition()).toBuilder().setIrVersion(14).build(),
                "unsupported-ir",
                "The ONNX model is too new: expected IR version 13 or less but was 14. Export it with an older IR version");
    }

    @Test
    void newerOperatorSet() throws IOException {
        assertModel(
                model(addition()).toBuilder()
                        .setOpsetImport(0, OperatorSetIdProto.newBuilder().setVersion(27))
                        .build(),
                "unsupported-ir",
                "The ONNX model is too new: expected operator set (ai.onnx) 26 or less but was 27. Export it with an older"
                        + " opset");
    }

    @Test
    void wrongSizeOfAnInitialiser() throws IOException {
        assertGraph(
                addition().setInitializer(0, floats("w", 63).toBuilder().setDims(0, 64)),
                "bad-initializer",
                "Bad data of initialiser 'w': expected 256 bytes for float32[64] but was 252");
    }

    @Test
    void dimensionsWhoseProductOverflows() throws IOException {
        assertGraph(
                addition()
                        .setInitializer(
                                0,
                                floats("w", 64).toBuilder().setDims(0, 1L << 40).addDims(1L << 40)),
                "bad-initializer",
                "Bad data of initialiser 'w': expected dimensions >= 0 whose product fits 63 bits but was [1099511627776,"
                        + " 1099511627776]");
    }

    @Test
    void unknownElementType() throws IOException {
        assertGraph(
                addition().setInitializer(0, floats("w", 64).toBuilder().setDataType(99)),
                "bad-initializer",
                "Bad data of initialiser 'w': expected an element type of 1 to 26 but was 99");
    }

    @Test
    void sparseInitialiser() throws IOException {
        assertGraph(
                addition().addSparseInitializer(SparseTensorProto.newBuilder().setValues(floats("s", 2))),
                "sparse-initializer",
                "Initialiser 's' is sparse: expected dense tensors only. Convert it when you export the model");
    }

    @Test
    void inputThatNothingComputes() throws IOException {
        assertGraph(
                addition().setNode(0, node("Add", "add", List.of("x", "v"), List.of("y"))),
                "undefined-value",
                "node 'add' (Add) reads 'v', which nothing computes: expected a node, an input or an initialiser of that name");
    }

    @Test
    void outputThatNothingComputes() throws IOException {
        assertGraph(
                addition().addOutput(value("z", 1, "batch")),
                "undefined-value",
                "Output 'z' of the graph is computed by nothing: expected a node, an input or an initialiser of that name");
    }

    @Test
    void valueDefinedTwice() throws IOException {
        assertGraph(
                addition().addNode(node("Neg", "", List.of("x"), List.of("y"))),
                "duplicate-value",
                "Value 'y' is defined twice: by node 'add' (Add) and by node #1 (Neg); expected one definition");
    }

    @Test
    void cycle() throws IOException {
        assertGraph(
                addition()
                        .setNode(0, node("Add", "a", List.of("x", "c"), List.of("y")))
                        .addNode(node("Neg", "b", List.of("y"), List.of("b")))
                        .addNode(node("Neg", "c", List.of("b"), List.of("c"))),
                "cyclic-graph",
                "The graph has a cycle: expected values that do not need themselves but was node 'b' (Neg) -> node 'c' (Neg) ->"
                        + " node 'a' (Add) -> node 'b' (Neg)");
    }

    @Test
    void integerDivisionByConstantZero() throws IOException {
        assertGraph(
                GraphProto.newBuilder()
                        .addInitializer(longs("a", 1, 2))
                        .addInitializer(longs("b", 1, 0))
                        .addNode(node("Div", "half", List.of("a", "b"), List.of("y")))
                        .addOutput(value("y", 7, 2)),
                "division-by-zero",
                "Node 'half' (Div) divides constants: expected a divisor other than 0");
    }

    @Test
    void missingExternalData() throws IOException {
        assertGraph(
                withExternal("w.bin", 0),
                "external-data-missing",
                "External data 'w.bin' are missing: expected a file at " + folder
                        + "/w.bin for initialiser 'w' but there is none. Copy it beside the model under the name it was exported"
                        + " with");
    }

    @Test
    void shortExternalData() throws IOException {
        Files.write(folder.resolve("w.bin"), new byte[300]);
        assertGraph(
                withExternal("w.bin", 64),
                "external-data-missing",
                "External data 'w.bin' are too short: expected 256 bytes at offset 64 for initialiser 'w' but the file has 300"
                        + " bytes");
    }

    @Test
    void externalDataOfAnotherSize() throws IOException {
        assertGraph(
                addition().setInitializer(0, external("w", "w.bin", 0, 100, 64)),
                "bad-initializer",
                "External data of initialiser 'w' have the wrong size: expected 256 bytes for float32[64] but 'length' is 100");
    }

    @Test
    void externalDataAtABadOffset() throws IOException {
        TensorProto.Builder tensor = external("w", "w.bin", 0, 256, 64).toBuilder();
        assertGraph(
                addition().setInitializer(0, tensor.setExternalData(1, Models.entry("offset", "-4"))),
                "bad-initializer",
                "External data of initialiser 'w' have a bad 'offset': expected a number >= 0 but was '-4'");
    }

    @Test
    void externalDataOutsideTheFolder() throws IOException {
        Files.write(temporary.resolve("secret"), new byte[300]);
        Files.createSymbolicLink(folder.resolve("link"), temporary.resolve("secret"));
        Files.createSymbolicLink(folder.resolve("up"), temporary);
        String all = "External data of initialiser 'w' must be a file inside the model's folder: location '";
        Path secret = temporary.toRealPath().resolve("secret");
        assertGraph(withExternal("/etc/passwd", 0), "external-data-outside", all + "/etc/passwd' is an absolute path");
        assertGraph(
                withExternal("../secret", 0),
                "external-data-outside",
                all + "../secret' is a path that leaves the folder");
        assertGraph(
                withExternal("a/../../secret", 0),
                "external-data-outside",
                all + "a/../../secret' is a path that leaves the folder");
        assertGraph(withExternal("link", 0), "external-data-outside", all + "link' is a link to " + secret);
        assertGraph(withExternal("up/secret", 0), "external-data-outside", all + "up/secret' is a link to " + secret);
        assertGraph(withExternal("", 0), "external-data-outside", all + "' is empty");
        assertGraph(withExternal(".", 0), "external-data-outside", all + ".' is a path that leaves the folder");
    }

    @Test
    void cacheThatCannotBeWritten() throws IOException {
        Models.write(model(addition()), file);
        Path cache = Files.write(temporary.resolve("cache"), new byte[1]);
        assertThat(catchThrowableOfType(SondeException.class, () -> OnnxFile.open(file, cache)))
                .hasMessage("[cache-unwritable] Cannot keep the model in the cache folder: expected to write to '"
                        + cache + "' but was FileAlreadyExistsException: " + cache
                        + "\n  See docs/errors.md#cache-unwritable");
    }

    private static GraphProto.Builder withExternal(String location, long offset) {
        return addition().setInitializer(0, external("w", location, offset, 256, 64));
    }

    private void assertGraph(GraphProto.Builder graph, String code, String problem) throws IOException {
        assertModel(model(graph), code, problem);
    }

    private void assertModel(ModelProto model, String code, String problem) throws IOException {
        assertContent(model.toByteArray(), code, problem);
    }

    private void assertContent(byte[] content, String code, String problem) throws IOException {
        Files.write(file, content);
        assertError(file, code, problem + "\n    in " + file);
    }

    private void assertError(Path path, String code, String problem) {
        SondeException thrown = catchThrowableOfType(
                SondeException.class, () -> OnnxFile.open(path, temporary.resolve("cache-folder")));
        assertThat(thrown).isNotNull();
        assertThat(thrown.code()).isEqualTo(code);
        assertThat(thrown).hasMessage("[" + code + "] " + problem + "\n  See docs/errors.md#" + code);
    }
}
