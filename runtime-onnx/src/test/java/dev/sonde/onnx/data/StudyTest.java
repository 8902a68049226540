package dev.sonde.onnx.data;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.position;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.data.Averages;
import dev.sonde.data.Dataset;
import dev.sonde.data.Progress;
import dev.sonde.data.Row;
import dev.sonde.data.RowResult;
import dev.sonde.data.RowStore;
import dev.sonde.data.Study;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.spi.Control;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Experiments over data sets, on a decoder that knows who gives and who gets. */
class StudyTest {
    private static final List<String> PEOPLE = List.of("Alice", "Bob", "Mary", "John", "Kevin", "Laura", "Zoe");
    private static final Site<dev.sonde.kind.Any> MIDDLE = Site.of("layers.1#resid_post");

    private static OnnxModel model;

    @TempDir
    private Path folder;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.tiny("names"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    static Dataset givers() {
        Map<String, List<String>> values = new LinkedHashMap<>();
        values.put("giver", PEOPLE);
        values.put("taker", PEOPLE);
        values.put("place", List.of("the park", "the old store"));
        return Dataset.product(values).prompt("When {giver} and {taker} went to the park , {giver} gave a book to");
    }

    /** Patches the taker's prompt with the giver's and keeps a number and a vector. */
    static void body(Session s, Row row) {
        Run clean = s.run(row.text("text"));
        Run patched = s.run(
                row.fill("When {taker} and {giver} went to the park , {taker} gave a book to"),
                t -> t.update(MIDDLE, v -> v.from(clean.get(MIDDLE), position(-1))));
        var logits = patched.get("logits").at(position(-1)).logSoftmax("vocab");
        logits.at(index("vocab", s.token(row.text("taker")))).save("taker");
        logits.save();
    }

    private static Study study(Dataset dataset) {
        return model.over(dataset, StudyTest::body);
    }

    @Test
    void rowsGiveWhatTheyGiveAlone() {
        List<RowResult> all = study(givers()).rowsAtOnce(20).collect();
        assertThat(all)
                .hasSize(98)
                .extracting(RowResult::index)
                .startsWith(0L, 1L)
                .endsWith(97L);
        List<RowResult> alone = study(givers().limit(5)).rowsAtOnce(1).collect();
        for (RowResult row : alone) {
            assertClose(row.get("taker"), all.get((int) row.index()).get("taker"));
            assertClose(row.get("saved_1"), all.get((int) row.index()).get("saved_1"));
        }
        assertThat(all.get(0).get("taker").count()).isEqualTo(1);
    }

    private static void assertClose(Tensor a, Tensor b) {
        assertThat(a.shape()).isEqualTo(b.shape());
        double[] x = a.toDoubles();
        double[] y = b.toDoubles();
        double largest = java.util.Arrays.stream(y).map(Math::abs).max().orElse(0);
        for (int i = 0; i < x.length; i++) {
            assertThat(x[i]).isCloseTo(y[i], org.assertj.core.data.Offset.offset(1e-5 * largest));
        }
    }

    @Test
    void meansAreThoseOfTheRows() {
        List<RowResult> rows = new ArrayList<>();
        Averages averages = study(givers()).run(rows::add);
        double mean = rows.stream()
                .mapToDouble(row -> row.get("taker").item())
                .average()
                .orElseThrow();
        assertThat(averages.rows()).isEqualTo(98);
        assertThat(averages.mean("taker").item()).isCloseTo(mean, org.assertj.core.data.Offset.offset(1e-9));
        assertThat(averages.mean("saved_1").shape())
                .isEqualTo(rows.get(0).get("saved_1").shape());
        assertThat(averages.standardError("taker").item()).isPositive();
    }

    @Test
    void anInterruptedStudyGoesOnBitForBit() throws IOException {
        List<RowResult> whole = new ArrayList<>();
        Averages expected = study(givers()).rowsAtOnce(16).run(whole::add);
        AtomicInteger passes = new AtomicInteger();
        Control twoGroups = new Control() {
            @Override
            public boolean cancelled() {
                return passes.get() >= 3;
            }
        };
        assertThatThrownBy(() -> study(givers())
                        .rowsAtOnce(16)
                        .journal(folder)
                        .control(twoGroups)
                        .forEach(row -> passes.addAndGet(row.index() % 16 == 15 ? 1 : 0)))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[cancelled]");
        assertThat(files()).hasSize(3);
        Files.write(folder.resolve("rows-000000000048.safetensors.part"), new byte[10]);

        List<Progress> told = new ArrayList<>();
        List<RowResult> resumed = new ArrayList<>();
        Averages found = study(givers())
                .rowsAtOnce(16)
                .journal(folder)
                .progress(told::add)
                .run(resumed::add);
        assertThat(resumed).isEqualTo(whole);
        assertThat(found.mean("saved_1")).isEqualTo(expected.mean("saved_1"));
        assertThat(found.standardError("saved_1")).isEqualTo(expected.standardError("saved_1"));
        assertThat(told.get(2).rows()).isEqualTo(48);
        assertThat(told.get(2).rowsPerSecond()).isZero();
        assertThat(told.get(told.size() - 1).rows()).isEqualTo(98);
        assertThat(told.get(told.size() - 1).total()).hasValue(98);
        assertThat(RowStore.open(folder)).containsExactlyElementsOf(whole);
        assertThat(RowStore.open(folder).row(50)).isEqualTo(whole.get(50));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    @Test
    void aKilledProcessLeavesWholeGroups() throws IOException, InterruptedException {
        ProcessBuilder child = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                Victim.class.getName(),
                folder.toString());
        child.environment().put("CLASSPATH", System.getProperty("java.class.path"));
        Process process = child.redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        Path second = folder.resolve("rows-000000000008.safetensors");
        for (int i = 0; i < 1200 && process.isAlive() && !Files.exists(second); i++) {
            Thread.sleep(50);
        }
        process.destroyForcibly().waitFor();
        assertThat(second).exists();

        List<RowResult> resumed = study(givers()).rowsAtOnce(8).journal(folder).collect();
        assertThat(resumed).isEqualTo(study(givers()).rowsAtOnce(8).collect());
    }

    /** Runs the study slowly. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] args) {
            try (Model own = OnnxModel.open(TestModels.tiny("names"))) {
                own.over(givers(), StudyTest::body)
                        .rowsAtOnce(8)
                        .journal(Path.of(args[0]))
                        .forEach(row -> sleep());
            }
        }

        private static void sleep() {
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void aFolderOfAnotherExperimentIsRefused() {
        study(givers().limit(4)).journal(folder).run();
        assertThatThrownBy(() -> study(givers().limit(5)).journal(folder).run())
                .hasMessageContaining("[other-journal]")
                .hasMessageContaining("has results of 4 rows from row 0 on, of another experiment: expected 5 rows");
        assertThatThrownBy(() -> model.over(
                                givers().limit(4),
                                (s, row) -> s.run("When").get("logits").save("taker"))
                        .journal(folder)
                        .run())
                .hasMessageContaining("[other-journal]");
    }

    @Test
    void mistakesNameTheRow() {
        assertThatThrownBy(() -> model.over(givers().limit(3), (s, row) -> s.token("no such words"))
                        .run())
                .hasMessageContaining("In row 0: 'no such words' is not one token");
        assertThatThrownBy(() -> model.over(
                                givers().limit(3),
                                (s, row) ->
                                        s.run("When").get("layers.9#resid_post").save())
                        .run())
                .hasMessageContaining("3 mistakes in one experiment")
                .hasMessageContaining(", in row 2");
    }

    @Test
    void prefixesGroupNamesAndSavesMayRepeat() {
        var recording = model.record(s -> {
            Run run = s.run("When");
            s.within("a", () -> run.get("logits").save());
            s.within("b", () -> run.get("logits").save("x"));
            return run.get("logits").save();
        });
        assertThat(recording.graph().saves()).containsOnlyKeys("a/saved_0", "b/x", "saved_2");
    }

    @Test
    void cachedActivationsAreThoseOfTraces() {
        Dataset prompts = Dataset.prompts("When Alice and Bob went to the park", "When Zoe", "Then Bob and Alice went");
        List<Progress> told = new ArrayList<>();
        RowStore store = model.cache(prompts, "layers.*#resid_post", "layers.1#pattern")
                .rowsAtOnce(2)
                .progress(told::add)
                .to(folder);
        assertThat(store.size()).isEqualTo(3);
        assertThat(told).extracting(Progress::rows).endsWith(2L, 3L).isSorted();
        assertThat(store.provenance(2))
                .containsEntry("model", model.manifest().sha256())
                .containsEntry("precision", "float32")
                .containsKeys("graph", "onnxruntime", "optimization");
        int i = 0;
        for (RowResult row : store) {
            String prompt = List.of("When Alice and Bob went to the park", "When Zoe", "Then Bob and Alice went")
                    .get(i);
            assertThat(row.index()).isEqualTo(i++);
            assertThat(row.values()).hasSize(4);
            for (String site : row.values().keySet()) {
                Tensor alone =
                        model.trace(prompt, t -> t.get(site).save()).value().row(0);
                assertThat(row.get(site).describe()).isEqualTo(alone.describe());
                assertClose(row.get(site), alone);
            }
        }
        List<RowResult> memory = model.cache(prompts, "layers.*#resid_post", "layers.1#pattern")
                .rowsAtOnce(2)
                .collect();
        assertThat(memory).containsExactlyElementsOf(store);
    }

    @Test
    void allSitesCanBeCached() {
        List<RowResult> rows =
                model.cache(Dataset.ids(List.of(new long[] {1, 5, 9}))).collect();
        assertThat(rows.get(0).values()).containsKeys("layers.0#q", "layers.2#mlp_post", "logits", "embed");
        Tensor alone =
                model.trace(Input.ids(1, 5, 9), t -> t.get("layers.0#q").save()).value();
        assertThat(rows.get(0).get("layers.0#q").describe())
                .isEqualTo(alone.row(0).describe());
        assertThat(rows.get(0).get("layers.0#q").dtype()).isEqualTo(DType.FLOAT32);
    }

    @Test
    void whatCannotBeCachedIsNamed() {
        Dataset prompts = Dataset.prompts("When");
        assertThatThrownBy(() -> model.cache(prompts, "layers.*#reside_post"))
                .hasMessageContaining("[unknown-site]")
                .hasMessageContaining("matches 'layers.*#reside_post'");
        assertThatThrownBy(() -> RowStore.open(folder)).hasMessageContaining("[no-rows]");
    }
}
