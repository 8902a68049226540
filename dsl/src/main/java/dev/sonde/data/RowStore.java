package dev.sonde.data;

import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A folder with what the rows of a study gave: files {@code rows-FIRST.safetensors} with tensors {@code ROW/NAME}. Tensors
 * are views of the mapped files. Safe for many threads.
 */
public final class RowStore implements Iterable<RowResult> {
    private static final String SUFFIX = ".safetensors";

    private final NavigableMap<Long, Path> files;
    private final long rows;
    private @Nullable Shard last;

    private RowStore(NavigableMap<Long, Path> files) {
        this.files = files;
        Shard end = Shard.read(files.lastEntry().getValue());
        this.rows = end.first() + end.rows();
        this.last = end;
    }

    /**
     * Opens the folder of a study that has run, or that got as far as it got.
     *
     * @throws SondeException {@code no-rows} if there are none in it
     */
    public static RowStore open(Path folder) {
        NavigableMap<Long, Path> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(folder)) {
            all.filter(file -> file.getFileName().toString().matches("rows-\\d+\\" + SUFFIX))
                    .forEach(file -> files.put(first(file), file));
        } catch (IOException e) {
            throw new SondeException("no-rows", "'" + folder + "' cannot be read: " + e, e);
        }
        if (files.isEmpty()) {
            throw new SondeException("no-rows", "'" + folder + "' holds no rows of a study: expected rows-*" + SUFFIX);
        }
        return new RowStore(files);
    }

    private static long first(Path file) {
        String name = file.getFileName().toString();
        return Long.parseLong(name.substring("rows-".length(), name.length() - SUFFIX.length()));
    }

    /** Returns how many rows there are. */
    public long size() {
        return rows;
    }

    /** Returns what a row gave. */
    public RowResult row(long index) {
        Objects.checkIndex(index, rows);
        return shard(index).results().get((int) (index - shard(index).first()));
    }

    /** Returns what made a row's results: hashes of model and graph, versions, precision, optimisation level. */
    public Map<String, String> provenance(long index) {
        Objects.checkIndex(index, rows);
        return shard(index).content().metadata();
    }

    private synchronized Shard shard(long row) {
        @Nullable Shard known = last;
        if (known != null && known.first() <= row && row < known.first() + known.rows()) {
            return known;
        }
        Map.Entry<Long, Path> entry = Objects.requireNonNull(files.floorEntry(row));
        Shard read = Shard.read(entry.getValue());
        last = read;
        return read;
    }

    /** Returns the rows in order. */
    @Override
    public Iterator<RowResult> iterator() {
        return files.values().stream()
                .flatMap(file -> Shard.read(file).results().stream())
                .iterator();
    }

    static SondeException unwritable(Path place, IOException e) {
        return new SondeException("unwritable", "'" + place + "' cannot be written: " + e, e);
    }
}
