package dev.sonde.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows come out of files as they were put in, and mistakes name the line. */
class DatasetTest {
    @TempDir
    private Path folder;

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static List<Row> rows(Dataset dataset) {
        try (Stream<Row> rows = dataset.rows()) {
            return rows.toList();
        }
    }

    @Test
    void linesOfTextAreRows() throws IOException {
        Dataset lines = Dataset.text(write("a.txt", "\ufeffone\n\n  two\r\nthree"));
        assertThat(rows(lines)).extracting(row -> row.text("text")).containsExactly("one", "  two", "three");
        assertThat(rows(lines)).extracting(Row::toString).contains("row 1 (a.txt, line 3)");
        assertThat(lines.size()).isEqualTo(OptionalLong.of(3));
    }

    @Test
    void jsonObjectsKeepTheirFields() throws IOException {
        Dataset lines =
                Dataset.jsonl(write("a.jsonl", "{\"country\":\"Fran\\u00e7e\",\"n\":3,\"none\":null,\"ids\":[4,5]}\n"));
        Row row = rows(lines).get(0);
        assertThat(row.fields()).containsExactly("country", "n", "ids");
        assertThat(row.fill("{{{country}}} has {n}")).isEqualTo("{Françe} has 3");
        assertThat(row.number("n")).isEqualTo(3);
        assertThat(row.ids("ids")).containsExactly(4, 5);
    }

    @Test
    void csvKeepsQuotesCommasAndLineEnds() throws IOException {
        Dataset csv = Dataset.csv(write("a.csv", "a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n,last\n"));
        assertThat(rows(csv)).extracting(row -> row.text("a")).containsExactly("x, \"y\"", "");
        assertThat(rows(csv)).extracting(row -> row.text("b")).containsExactly("two\nlines", "last");
        assertThat(rows(csv))
                .extracting(Row::toString)
                .containsExactly("row 0 (a.csv, line 2)", "row 1 (a.csv, line 4)");
    }

    @Test
    void mistakesNameTheLine() throws IOException {
        Path csv = write("b.csv", "a,b\n1,2\n1,2,3\n");
        assertThatThrownBy(() -> rows(Dataset.csv(csv)))
                .hasMessageContaining(
                        "[bad-dataset] Expected 2 fields [a, b] in b.csv, line 3 but there are 3: [1, 2, 3]");
        Path json = write("b.jsonl", "{}\n[1]\n");
        assertThatThrownBy(() -> rows(Dataset.jsonl(json)))
                .hasMessageContaining("[bad-dataset] Expected a JSON object in b.jsonl, line 2 but was: [1]");
        Path open = write("c.csv", "a\n\"x\n");
        assertThatThrownBy(() -> rows(Dataset.csv(open))).hasMessageContaining("opened and never closed");
        assertThatThrownBy(() -> rows(Dataset.text(folder.resolve("none"))))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("cannot be read");
        Path binary = Files.write(folder.resolve("d.txt"), new byte[] {'a', (byte) 0xff, '\n'});
        assertThatThrownBy(() -> rows(Dataset.text(binary))).isInstanceOf(SondeException.class);
    }

    @Test
    void unknownFieldsNameTheNearest() {
        Row row = rows(Dataset.of(List.of(Map.of("country", "France")))).get(0);
        assertThatThrownBy(() -> row.fill("{contry}"))
                .hasMessageContaining(
                        "[unknown-field] No field 'contry' in row 0, which has [country]. Did you mean 'country'?");
        assertThatThrownBy(() -> row.number("country"))
                .hasMessageContaining("[wrong-field] Field 'country' of row 0: expected a number but was 'France'");
    }

    @Test
    void productsHaveAllCombinations() {
        Map<String, List<String>> values = new LinkedHashMap<>();
        values.put("a", List.of("1", "2"));
        values.put("b", List.of("x", "y", "z"));
        Dataset all = Dataset.product(values).prompt("{a}{b}");
        assertThat(rows(all)).extracting(row -> row.text("text")).containsExactly("1x", "1y", "1z", "2x", "2y", "2z");
        assertThat(rows(all.limit(2))).hasSize(2);
        assertThat(all.limit(2).size()).isEqualTo(OptionalLong.of(2));
    }

    @Test
    void meansAndErrorsAreThoseOfTheTextbook() {
        Random random = new Random(7);
        double[] values = random.doubles(1000, 1e6, 1e6 + 1).toArray();
        Averages averages = new Averages();
        var add = averages.andThen(unused -> {});
        for (double value : values) {
            add.accept(new RowResult(0, Map.of("x", Tensor.scalar(dev.sonde.DType.FLOAT64, value))));
        }
        double mean = java.util.Arrays.stream(values).average().orElseThrow();
        double variance = java.util.Arrays.stream(values)
                        .map(v -> (v - mean) * (v - mean))
                        .sum()
                / 999;
        assertThat(averages.mean("x").item()).isCloseTo(mean, org.assertj.core.data.Offset.offset(1e-8));
        assertThat(averages.standardError("x").item())
                .isCloseTo(Math.sqrt(variance / 1000), org.assertj.core.data.Offset.offset(1e-10));
        add.accept(new RowResult(1, Map.of("x", Tensor.of(new float[] {1, 2}))));
        assertThatThrownBy(() -> averages.mean("x"))
                .hasMessageContaining("[no-mean]")
                .hasMessageContaining("float32[2]");
        assertThatThrownBy(() -> averages.mean("y")).hasMessageContaining("[unknown-result]");
    }
}
