package dev.sonde.data;

import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file with the results of some rows, tensors {@code ROW/NAME}.
 *
 * @param file where it lies
 * @param content its content, mapped
 */
record Shard(Path file, Safetensors content) {
    static final String FIRST = "sonde.first";
    static final String ROWS = "sonde.rows";
    static final String MODEL = "sonde.model";
    static final String EXPERIMENT = "sonde.experiment";

    static Path file(Path folder, long first) {
        return folder.resolve(String.format(Locale.ROOT, "rows-%012d.safetensors", first));
    }

    static Shard read(Path file) {
        try (FileChannel channel = FileChannel.open(file)) {
            Safetensors content =
                    Safetensors.read(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()), file.toString());
            return new Shard(file, content);
        } catch (IOException e) {
            throw new SondeException("bad-safetensors", "'" + file + "' cannot be read: " + e, e);
        }
    }

    /** Writes beside the file's place and renames, so that it is there whole or not at all. */
    static void write(Path file, Safetensors content) {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            try (FileChannel out = FileChannel.open(
                    part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                content.writeTo(out);
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw RowStore.unwritable(file, e);
        }
    }

    long first() {
        return number(FIRST);
    }

    int rows() {
        return Math.toIntExact(number(ROWS));
    }

    String experiment() {
        return content.metadata().getOrDefault(EXPERIMENT, "");
    }

    private long number(String key) {
        @Nullable String text = content.metadata().get(key);
        try {
            return Long.parseLong(String.valueOf(text));
        } catch (NumberFormatException e) {
            throw new SondeException(
                    "bad-safetensors",
                    "'" + file + "' holds no rows of a study: its metadata '" + key + "' is " + text,
                    e);
        }
    }

    List<RowResult> results() {
        Map<String, Map<String, Tensor>> byRow = new LinkedHashMap<>();
        content.tensors().forEach((name, tensor) -> {
            int slash = name.indexOf('/');
            byRow.computeIfAbsent(name.substring(0, Math.max(0, slash)), unused -> new LinkedHashMap<>())
                    .put(name.substring(slash + 1), tensor);
        });
        long first = first();
        return IntStream.range(0, rows())
                .mapToObj(i -> new RowResult(first + i, byRow.getOrDefault(Long.toString(first + i), Map.of())))
                .toList();
    }
}
