package dev.sonde.onnx.file;

import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Finds the ONNX file that a path means. */
final class ModelLocator {
    /** A decoder lies beside variants of itself that continue prompts: it is the one that reads them. */
    private static final List<String> USUAL =
            List.of("model.onnx", "onnx/model.onnx", "decoder_model.onnx", "onnx/decoder_model.onnx");

    private ModelLocator() {}

    /**
     * Returns {@code path} itself if it is a file; in a folder {@code model.onnx}, else {@code onnx/model.onnx}, else the same for
     * {@code decoder_model.onnx}, else the only
     * {@code *.onnx} of the folder, else the only one of its {@code onnx} folder.
     */
    static Path locate(Path path) {
        if (Files.isRegularFile(path)) {
            return path;
        }
        if (!Files.isDirectory(path)) {
            throw new SondeException(
                    "file-missing",
                    "No file or folder at '" + path + "': expected an ONNX file or a folder with one" + siblings(path));
        }
        for (String usual : USUAL) {
            if (Files.isRegularFile(path.resolve(usual))) {
                return path.resolve(usual);
            }
        }
        List<Path> found = onnxFiles(path);
        if (found.isEmpty() && Files.isDirectory(path.resolve("onnx"))) {
            found = onnxFiles(path.resolve("onnx"));
        }
        if (found.size() == 1) {
            return found.get(0);
        }
        if (found.isEmpty()) {
            throw new SondeException(
                    "file-missing",
                    "No ONNX file in folder '" + path
                            + "': expected model.onnx, onnx/model.onnx or one file *.onnx but found none");
        }
        throw new SondeException(
                "ambiguous-folder",
                "Which model of folder '" + path
                        + "'? Expected model.onnx, onnx/model.onnx or one file *.onnx but found "
                        + found.size() + ": "
                        + Problems.list(found.stream()
                                .map(f -> path.relativize(f).toString())
                                .toList())
                        + ". Give the path of the file");
    }

    private static String siblings(Path missing) {
        Path folder = missing.toAbsolutePath().getParent();
        if (folder == null) {
            return "";
        }
        if (!Files.isDirectory(folder)) {
            return "; the folder '" + folder + "' does not exist either";
        }
        List<Path> near = onnxFiles(folder);
        return near.isEmpty()
                ? ""
                : "; in the same folder: "
                        + Problems.list(near.stream()
                                .map(f -> String.valueOf(f.getFileName()))
                                .toList());
    }

    private static List<Path> onnxFiles(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().toLowerCase(Locale.ROOT).endsWith(".onnx"))
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        } catch (IOException unreadable) {
            throw new SondeException("file-missing", "Cannot list folder '" + folder + "': " + unreadable, unreadable);
        }
    }
}
