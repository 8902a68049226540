package dev.sonde.onnx.structure;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.manifest.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Keeps the shapes of a model in a small text file, so that only the first opening runs the model. */
final class ShapeCache {
    private static final String FORMAT = "sonde-shapes/2";

    private ShapeCache() {}

    /** Returns what the file holds, or nothing if it is missing, damaged or of another format. */
    static Optional<Shapes> read(Path file) {
        try {
            List<String> lines = Files.readAllLines(file);
            if (lines.isEmpty() || !lines.get(0).equals(FORMAT + " " + (lines.size() - 1))) {
                return Optional.empty();
            }
            Map<String, Shape> shapes = new LinkedHashMap<>();
            for (String line : lines.subList(1, lines.size())) {
                String[] parts = line.split("\t", -1);
                shapes.put(parts[2], new Shape(DType.parse(parts[0]), dims(parts[1])));
            }
            return Optional.of(new Shapes(shapes));
        } catch (IOException | SondeException | IllegalArgumentException | IndexOutOfBoundsException unusable) {
            return Optional.empty();
        }
    }

    private static List<Size> dims(String text) {
        List<Size> dims = new ArrayList<>();
        for (String dim : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            dims.add(Size.parse(dim));
        }
        return dims;
    }

    /** Writes the file, or does without one where the folder takes none. */
    static void write(Path file, Shapes shapes) {
        StringBuilder text = new StringBuilder();
        for (String value : shapes.values()) {
            shapes.find(value)
                    .ifPresent(shape -> text.append(shape.dtype())
                            .append('\t')
                            .append(String.join(
                                    ",",
                                    shape.dims().stream().map(Size::toString).toList()))
                            .append('\t')
                            .append(value)
                            .append('\n'));
        }
        long lines = text.chars().filter(each -> each == '\n').count();
        try {
            replace(file, FORMAT + " " + lines + "\n" + text);
        } catch (IOException readOnly) {
            // the next opening probes again
        }
    }

    private static void replace(Path file, String text) throws IOException {
        Path part = Files.createTempFile(file.getParent(), ".shapes-", "");
        try {
            Files.writeString(part, text, StandardCharsets.UTF_8);
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }
}
