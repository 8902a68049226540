package dev.sonde.onnx;

import dev.sonde.SondeException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Finds the ONNX file that a user means by a folder. */
final class ModelFiles {
    /** What exporters call the file that holds the whole model, the likeliest first. */
    private static final List<String> USUAL =
            List.of("model.onnx", "onnx/model.onnx", "decoder_model.onnx", "onnx/decoder_model.onnx");

    private ModelFiles() {}

    /** @throws SondeException {@code no-model} if there is no file, or several and none of a usual name */
    static Path find(Path fileOrFolder) {
        if (Files.isRegularFile(fileOrFolder)) {
            return fileOrFolder;
        }
        if (!Files.isDirectory(fileOrFolder)) {
            throw new SondeException("no-model", "There is no file or folder '" + fileOrFolder + "'");
        }
        for (String name : USUAL) {
            if (Files.isRegularFile(fileOrFolder.resolve(name))) {
                return fileOrFolder.resolve(name);
            }
        }
        List<Path> all = onnxFiles(fileOrFolder);
        if (all.size() == 1) {
            return all.get(0);
        }
        throw new SondeException(
                "no-model",
                "Expected one of " + USUAL + " or a single .onnx file in folder '" + fileOrFolder + "' but was "
                        + (all.isEmpty()
                                ? "none"
                                : all.stream().map(Path::getFileName).toList()));
    }

    /** Returns the ONNX files in a folder, sorted by name. */
    static List<Path> onnxFiles(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".onnx"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("Folder '" + folder + "' cannot be read", e);
        }
    }
}
