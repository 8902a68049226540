package dev.sonde.data;

import dev.sonde.SondeException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/** Reads rows from a UTF-8 file, one ahead. */
abstract class RowReader implements Iterator<Row> {
    private final Path file;
    private final BufferedReader reader;
    private long line;
    private boolean started;
    private @Nullable Row next;

    RowReader(Path file) {
        this.file = file;
        try {
            this.reader = Files.newBufferedReader(file);
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    /** Returns the next row, or nothing at the end. */
    abstract @Nullable Row read();

    final Stream<Row> rows() {
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED), false)
                .onClose(this::close);
    }

    @Override
    public final boolean hasNext() {
        if (!started) {
            started = true;
            next = read();
        }
        return next != null;
    }

    @Override
    public final Row next() {
        boolean there = hasNext();
        @Nullable Row row = next;
        if (!there || row == null) {
            throw new NoSuchElementException();
        }
        next = read();
        return row;
    }

    /** Returns the next line that is not empty, or nothing at the end. */
    final @Nullable String filledLine() {
        @Nullable String text = line();
        while (text != null && text.isBlank()) {
            text = line();
        }
        return text;
    }

    final @Nullable String line() {
        try {
            @Nullable String text = reader.readLine();
            line++;
            return line == 1 && text != null && text.startsWith("\ufeff") ? text.substring(1) : text;
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    /** Returns the place of the line that was read last. */
    final String where() {
        return file.getFileName() + ", line " + line;
    }

    private SondeException unreadable(IOException e) {
        return new SondeException("bad-dataset", "Data set '" + file + "' cannot be read: " + e, e);
    }

    private void close() {
        try {
            reader.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
