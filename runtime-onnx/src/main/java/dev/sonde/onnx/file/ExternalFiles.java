package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The files beside a model that hold its external data. Nothing outside the model's folder is ever opened. */
final class ExternalFiles {
    private final Path model;
    private final Path folder;
    private final Map<String, Path> files = new LinkedHashMap<>();
    private final Map<Path, Long> sizes = new LinkedHashMap<>();

    ExternalFiles(Path model) {
        this.model = model;
        Path parent = model.toAbsolutePath().getParent();
        this.folder = parent == null ? model.toAbsolutePath() : parent;
    }

    Path folder() {
        return folder;
    }

    /** Returns the locations that were asked for so far, in that order, with the file of each. */
    Map<String, Path> files() {
        return files;
    }

    /** Returns where the external data of {@code tensor} lie, {@code needed} bytes of them. */
    Weight.InFile place(TensorProto tensor, long needed) {
        String location = "";
        String offsetText = "0";
        String lengthText = "";
        for (StringStringEntryProto entry : tensor.getExternalDataList()) {
            switch (entry.getKey()) {
                case "location" -> location = entry.getValue();
                case "offset" -> offsetText = entry.getValue();
                case "length" -> lengthText = entry.getValue();
                default -> {} // checksum, basepath, prepacked blobs of ONNX Runtime
            }
        }
        long offset = number(tensor, "offset", offsetText);
        long length = lengthText.isEmpty() ? needed : number(tensor, "length", lengthText);
        if (length != needed) {
            throw Problems.in(
                    model,
                    "bad-initializer",
                    "External data of initialiser '" + tensor.getName() + "' have the wrong size: expected " + needed
                            + " bytes for " + TensorReader.describe(tensor) + " but 'length' is " + length);
        }
        Path file = resolve(tensor.getName(), location);
        long size = sizes.getOrDefault(file, 0L);
        if (offset > size || needed > size - offset) {
            throw Problems.in(
                    model,
                    "external-data-missing",
                    "External data '" + location + "' are too short: expected " + needed + " bytes at offset " + offset
                            + " for initialiser '" + tensor.getName() + "' but the file has " + size + " bytes");
        }
        return new Weight.InFile(file, offset, needed, location);
    }

    private long number(TensorProto tensor, String key, String text) {
        try {
            long value = Long.parseLong(text);
            if (value >= 0) {
                return value;
            }
        } catch (NumberFormatException notOne) {
            // falls through
        }
        throw Problems.in(
                model,
                "bad-initializer",
                "External data of initialiser '" + tensor.getName() + "' have a bad '" + key
                        + "': expected a number >= 0 but was '" + text + "'");
    }

    private Path resolve(String tensor, String location) {
        Path known = files.get(location);
        if (known != null) {
            return known;
        }
        Path file;
        try {
            if (location.isEmpty() || Path.of(location).isAbsolute()) {
                throw outside(tensor, location, location.isEmpty() ? "empty" : "an absolute path");
            }
            file = folder.resolve(location).normalize();
        } catch (InvalidPathException notAPath) {
            throw outside(tensor, location, "not a path");
        }
        if (!file.startsWith(folder.normalize()) || file.equals(folder.normalize())) {
            throw outside(tensor, location, "a path that leaves the folder");
        }
        if (!Files.isRegularFile(file)) {
            throw Problems.in(
                    model,
                    "external-data-missing",
                    "External data '" + location + "' are missing: expected a file at " + file + " for initialiser '"
                            + tensor
                            + "' but there is none. Copy it beside the model under the name it was exported with");
        }
        try {
            if (!file.toRealPath().startsWith(folder.toRealPath())) {
                throw outside(tensor, location, "a link to " + file.toRealPath());
            }
            sizes.put(file, Files.size(file));
        } catch (IOException unreadable) {
            throw Problems.in(
                    model,
                    "external-data-missing",
                    "External data '" + location + "' cannot be read: " + unreadable.getMessage(),
                    unreadable);
        }
        files.put(location, file);
        return file;
    }

    private RuntimeException outside(String tensor, String location, String was) {
        return Problems.in(
                model,
                "external-data-outside",
                "External data of initialiser '" + tensor + "' must be a file inside the model's folder: location '"
                        + location + "' is " + was);
    }
}
