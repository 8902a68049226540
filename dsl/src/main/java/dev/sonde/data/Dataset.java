package dev.sonde.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Rows with named fields, read anew each time they are asked for and never held all at once.
 *
 * <pre>{@code
 * Dataset capitals = Dataset.jsonl(Path.of("capitals.jsonl")).prompt("The capital of {country} is");
 * }</pre>
 */
public final class Dataset {
    private final Supplier<Stream<Row>> source;
    private final Supplier<OptionalLong> size;

    private Dataset(Supplier<Stream<Row>> source, Supplier<OptionalLong> size) {
        this.source = source;
        this.size = size;
    }

    /** Returns the lines of a UTF-8 file, each in the field {@code text}; empty lines are passed over. */
    public static Dataset text(Path file) {
        return file(() -> new LineReader(file, (text, where) -> Map.of(Row.TEXT, text)).rows());
    }

    /**
     * Returns the objects of a UTF-8 file of JSON lines; empty lines are passed over.
     *
     * <p>Reading throws {@code bad-dataset}, with the line, where one is no JSON object.
     */
    public static Dataset jsonl(Path file) {
        return file(() -> new LineReader(file, JsonFields::of).rows());
    }

    /**
     * Returns the records of a UTF-8 CSV file as RFC 4180 has it: the first names the fields, texts may be in quotes.
     *
     * <p>Reading throws {@code bad-dataset}, with the line, where a record has another number of fields.
     */
    public static Dataset csv(Path file) {
        return file(() -> new CsvReader(file).rows());
    }

    /** Returns prompts, each in the field {@code text}. */
    public static Dataset prompts(String... prompts) {
        return prompts(Arrays.asList(prompts));
    }

    /** Returns prompts, each in the field {@code text}; they are iterated anew each time. */
    public static Dataset prompts(Iterable<String> prompts) {
        return new Dataset(
                () -> StreamSupport.stream(prompts.spliterator(), false)
                        .map(prompt -> new Row(0, "", Map.of(Row.TEXT, prompt))),
                () -> size(prompts));
    }

    /** Returns rows of token ids, each in the field {@code ids}; they are iterated anew each time. */
    public static Dataset ids(Iterable<long[]> rows) {
        return new Dataset(
                () -> StreamSupport.stream(rows.spliterator(), false)
                        .map(ids -> new Row(
                                0,
                                "",
                                Map.of(Row.IDS, Arrays.stream(ids).boxed().toList()))),
                () -> size(rows));
    }

    /** Returns rows given by their fields; they are iterated anew each time. */
    public static Dataset of(Iterable<? extends Map<String, ?>> rows) {
        return new Dataset(
                () -> StreamSupport.stream(rows.spliterator(), false).map(fields -> new Row(0, "", fields)),
                () -> size(rows));
    }

    /** Returns all combinations of the fields' values, the last field changing fastest. */
    public static Dataset product(Map<String, ? extends List<?>> values) {
        List<Map<String, Object>> rows = List.of(Map.of());
        for (Map.Entry<String, ? extends List<?>> field : values.entrySet()) {
            List<Map<String, Object>> longer = new ArrayList<>();
            for (Map<String, Object> row : rows) {
                for (Object value : field.getValue()) {
                    Map<String, Object> more = new LinkedHashMap<>(row);
                    more.put(field.getKey(), value);
                    longer.add(more);
                }
            }
            rows = longer;
        }
        return of(rows);
    }

    /** Returns this data set with the field {@code text} made from a template such as <code>The capital of {country} is</code>. */
    public Dataset prompt(String template) {
        return new Dataset(() -> source.get().map(row -> row.with(Row.TEXT, row.fill(template))), size);
    }

    /** Returns the first {@code rows} rows. */
    public Dataset limit(long rows) {
        return new Dataset(() -> source.get().limit(rows), () -> {
            OptionalLong all = size();
            return all.isPresent() ? OptionalLong.of(Math.min(rows, all.getAsLong())) : all;
        });
    }

    /** Returns the rows from the first on; whoever takes them closes the stream. */
    public Stream<Row> rows() {
        AtomicLong next = new AtomicLong();
        return source.get().sequential().map(row -> row.at(next.getAndIncrement()));
    }

    /** Returns how many rows there are, if that can be known; a file is read through for it. */
    public OptionalLong size() {
        return size.get();
    }

    private static OptionalLong size(Iterable<?> rows) {
        return rows instanceof Collection<?> collection ? OptionalLong.of(collection.size()) : OptionalLong.empty();
    }

    private static Dataset file(Supplier<Stream<Row>> rows) {
        return new Dataset(rows, () -> {
            try (Stream<Row> all = rows.get()) {
                return OptionalLong.of(all.count());
            }
        });
    }
}
