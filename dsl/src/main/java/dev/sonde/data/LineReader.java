package dev.sonde.data;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Reads one row from each line that is not empty. */
final class LineReader extends RowReader {
    private final BiFunction<String, String, Map<String, ?>> fields;

    /** @param fields of a line and its place */
    LineReader(Path file, BiFunction<String, String, Map<String, ?>> fields) {
        super(file);
        this.fields = fields;
    }

    @Override
    @Nullable
    Row read() {
        @Nullable String text = filledLine();
        return text == null ? null : new Row(0, where(), fields.apply(text, where()));
    }
}
