package dev.sonde.onnx.identities;

import static dev.sonde.Selector.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Recording;
import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.onnx.Options;
import dev.sonde.spi.Results;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What must hold for every experiment on every model, tried on random ones. {@code -Dsonde.full=true} tries ten times as
 * many; {@code -Dsonde.model=gpt2/dynamo.onnx -Dsonde.seed=7} tries one alone.
 */
class IdentitiesTest {
    private static final int SEEDS = Boolean.getBoolean("sonde.full") ? 20 : 2;
    private static final double CLOSE = 1e-5;

    /** The models that are open; few fit into memory at a time. */
    private static String openFile = "";

    private static List<OnnxModel> open = List.of();

    static Stream<Arguments> trials() throws IOException {
        List<Arguments> trials = new ArrayList<>();
        for (String file : files()) {
            for (int seed = 0; seed < SEEDS; seed++) {
                trials.add(new Arguments(file, seed));
            }
        }
        String model = System.getProperty("sonde.model", "");
        int seed = Integer.getInteger("sonde.seed", -1);
        return trials.stream()
                .filter(trial -> trial.file().contains(model))
                .map(trial -> seed < 0 ? trial : new Arguments(trial.file(), seed))
                .distinct();
    }

    /** What one trial is about; its text is what to give the properties to have it alone. */
    record Arguments(String file, int seed) {
        @Override
        public String toString() {
            return "-Dsonde.model=" + file + " -Dsonde.seed=" + seed;
        }
    }

    private static List<String> files() throws IOException {
        Path root = TestModels.root();
        try (Stream<Path> files = Files.walk(root.resolve("conformance"))) {
            Stream<Path> tiny = Stream.of(
                            "tiny/names/model.onnx", "tiny/induction/model.onnx", "tiny/names/model_with_past.onnx")
                    .map(root::resolve);
            Stream<Path> real = Boolean.getBoolean("sonde.full")
                    ? TestModels.smollm2().stream().map(folder -> folder.resolve("model.onnx"))
                    : Stream.of();
            return Stream.of(files.filter(file -> file.toString().endsWith(".onnx")), tiny, real)
                    .flatMap(each -> each)
                    .map(file -> root.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    /** Returns the model as it is by default, without a planner, with little memory, and as the file says it. */
    private static List<OnnxModel> open(String file) {
        if (!openFile.equals(file)) {
            close();
            Path path = TestModels.root().resolve(file);
            open = Stream.of(
                            Options.builder(),
                            Options.builder().planning(Options.Planning.OFF),
                            Options.builder().memoryBudget(1),
                            Options.builder().optimization(Options.Optimization.NONE))
                    .map(options -> OnnxModel.open(path, options.sessions(2).build()))
                    .toList();
            openFile = file;
        }
        return open;
    }

    @AfterAll
    static void close() {
        open.forEach(OnnxModel::close);
        open = List.of();
        openFile = "";
    }

    /** A random experiment: what its runs are given, what is done and what is read. */
    private static final class Trial {
        final OnnxModel model;
        final Subject subject;
        final Random random;
        final List<SiteInfo> places;
        final List<List<Long>> prompts = new ArrayList<>();
        final List<List<Long>> donors = new ArrayList<>();
        final List<Map<String, Tensor>> rows;
        final List<Map<String, Tensor>> donorRows;
        final List<Change> changes = new ArrayList<>();
        final List<String> reads = new ArrayList<>();

        Trial(Arguments arguments) {
            model = open(arguments.file()).get(0);
            random = new Random(arguments.seed() * 1000003L + arguments.file().hashCode());
            subject = new Subject(model.manifest());
            places = subject.takesTokens() ? subject.namedPlaces() : subject.places(false);
            int count = 2 + random.nextInt(3);
            int shortest = Integer.MAX_VALUE;
            for (int i = 0; i < count; i++) {
                int length = 2 + random.nextInt(7);
                shortest = Math.min(shortest, length);
                prompts.add(subject.takesTokens() ? subject.prompt(random, length) : List.of());
                donors.add(subject.takesTokens() ? subject.prompt(random, length) : List.of());
            }
            rows = subject.takesTokens() ? List.of() : subject.rows(random, count);
            donorRows = subject.takesTokens() ? List.of() : subject.rows(random, count);
            int edits = 1 + random.nextInt(4);
            for (int i = 0; i < edits; i++) {
                changes.add(Change.random(random, places, subject.takesTokens() ? shortest : 0));
            }
            reads.add(subject.result());
            for (int i = 0; i < 3; i++) {
                reads.add(places.get(random.nextInt(places.size())).name());
            }
        }

        int count() {
            return prompts.size();
        }

        RunInput input(boolean donor, int from, int to) {
            return subject.takesTokens()
                    ? Input.rows((donor ? donors : prompts).subList(from, to))
                    : stacked((donor ? donorRows : rows).subList(from, to));
        }

        private static RunInput stacked(List<Map<String, Tensor>> rows) {
            Map<String, Tensor> all = new java.util.HashMap<>();
            for (String name : rows.get(0).keySet()) {
                long[] shape = rows.get(0).get(name).shape();
                shape[0] = rows.size();
                float[] numbers = new float[rows.size() * rows.get(0).get(name).count()];
                for (int i = 0; i < rows.size(); i++) {
                    float[] row = rows.get(i).get(name).toFloats();
                    System.arraycopy(row, 0, numbers, i * row.length, row.length);
                }
                all.put(name, Tensor.of(numbers, shape));
            }
            return Input.tensors(all);
        }

        /** Records the experiment for some of the rows, all in one run. */
        List<Saved<Tensor>> record(Session s, int from, int to) {
            Run donor = s.run(input(true, from, to));
            Run run = s.run(input(false, from, to), t -> changes.forEach(change -> change.record(t, donor)));
            return reads.stream().map(read -> run.get(read).save()).toList();
        }
    }

    private static List<Tensor> values(List<Saved<Tensor>> saved) {
        return saved.stream().map(Saved::value).toList();
    }

    @ParameterizedTest
    @MethodSource("trials")
    void rowsTogetherGiveWhatEachGivesAlone(Arguments arguments) {
        Trial trial = new Trial(arguments);
        List<Tensor> together = values(trial.model.session(s -> trial.record(s, 0, trial.count())));
        for (int row = 0; row < trial.count(); row++) {
            int at = row;
            List<Tensor> alone = values(trial.model.session(s -> trial.record(s, at, at + 1)));
            for (int i = 0; i < alone.size(); i++) {
                assertClose(
                        together.get(i).row(row),
                        alone.get(i).row(0),
                        trial.reads.get(i) + " of row " + row + " after " + trial.changes);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void runsOfOneSessionGiveWhatEachGivesAlone(Arguments arguments) {
        Trial trial = new Trial(arguments);
        List<List<Saved<Tensor>>> together = trial.model.session(s -> {
            List<List<Saved<Tensor>>> all = new ArrayList<>();
            for (int row = 0; row < trial.count(); row++) {
                all.add(trial.record(s, row, row + 1));
            }
            return all;
        });
        for (int row = 0; row < trial.count(); row++) {
            int at = row;
            List<Tensor> alone = values(trial.model.session(s -> trial.record(s, at, at + 1)));
            for (int i = 0; i < alone.size(); i++) {
                assertClose(
                        together.get(row).get(i).value(),
                        alone.get(i),
                        trial.reads.get(i) + " of row " + row + " after " + trial.changes);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void paddingOnTheLeftChangesNothing(Arguments arguments) {
        Trial trial = new Trial(arguments);
        if (!trial.subject.takesPaddingOnTheLeft()) {
            return;
        }
        List<SiteInfo> streams = trial.places.stream()
                .filter(site ->
                        site.axes().size() == 3 && site.axes().get(1).name().equals("position"))
                .toList();
        List<Change> changes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Change change = Change.random(trial.random, streams, 0);
            changes.add(
                    change.kind() == Change.Kind.DONOR || change.kind() == Change.Kind.MIX
                            ? new Change(change.site(), Change.Kind.SCALE, change.region(), change.amount())
                            : change);
        }
        String read = streams.get(trial.random.nextInt(streams.size())).name();
        String result = trial.subject.result();
        List<Tensor> padded = values(trial.model.trace(trial.subject.paddedLeft(trial.prompts), t -> {
            changes.forEach(change -> change.record(t, t));
            return List.of(t.get(read).save(), t.get(result).save());
        }));
        long width = padded.get(0).size(1);
        for (int row = 0; row < trial.count(); row++) {
            int at = row;
            List<Tensor> alone = values(trial.model.trace(trial.input(false, at, at + 1), t -> {
                changes.forEach(change -> change.record(t, t));
                return List.of(t.get(read).save(), t.get(result).save());
            }));
            int length = trial.prompts.get(row).size();
            for (int i = 0; i < 2; i++) {
                Tensor whole = padded.get(i);
                Tensor own = whole.size(1) == width ? tail(whole.row(row), length) : whole.row(row);
                assertClose(
                        own,
                        alone.get(i).row(0),
                        List.of(read, result).get(i) + " of row " + row + " after " + changes);
            }
        }
    }

    /** Returns the last rows of the first axis. */
    private static Tensor tail(Tensor tensor, int length) {
        long[] shape = tensor.shape();
        float[] all = tensor.toFloats();
        int from = all.length - (int) (all.length / shape[0] * length);
        shape[0] = length;
        return Tensor.of(Arrays.copyOfRange(all, from, all.length), shape).withNames(tensor.names());
    }

    @ParameterizedTest
    @MethodSource("trials")
    void theFileFormIsTheExperiment(Arguments arguments) {
        Trial trial = new Trial(arguments);
        Recording<List<Saved<Tensor>>> recording = trial.model.record(s -> trial.record(s, 0, trial.count()));
        byte[] form = GraphFile.write(recording.graph());
        InterventionGraph read = GraphFile.read(ByteBuffer.wrap(form), "form");
        assertThat(read).isEqualTo(recording.graph());
        assertThat(GraphFile.write(read)).isEqualTo(form);
        Map<String, Tensor> first = trial.model.run(recording.graph()).saved();
        assertThat(trial.model.run(read).saved()).isEqualTo(first);
        assertTypes(trial, recording.graph(), first);
    }

    /** Types known before the run are those that come out. */
    private static void assertTypes(Trial trial, InterventionGraph graph, Map<String, Tensor> saved) {
        List<ValueType> types = new ShapeRules(trial.model.manifest()).types(graph);
        graph.saves().forEach((name, id) -> {
            ValueType type = types.get(id);
            Tensor tensor = saved.get(name);
            assertThat(tensor.dtype()).isEqualTo(type.dtype());
            assertThat(tensor.names()).isEqualTo(type.names());
            assertThat(ShapeRules.fits(type, tensor.shape()))
                    .as("%s was announced as %s", tensor.describe(), type)
                    .isTrue();
            assertThat(tensor.isRagged()).isEqualTo(type.isRagged());
        });
    }

    @ParameterizedTest
    @MethodSource("trials")
    void plansGiveTheSameNumbers(Arguments arguments) {
        Trial trial = new Trial(arguments);
        InterventionGraph graph = trial.model
                .record(s -> {
                    for (int row = 0; row < trial.count(); row++) {
                        trial.record(s, row, row + 1);
                    }
                    return trial.record(s, 0, trial.count());
                })
                .graph();
        Map<String, Tensor> expected = open(arguments.file()).get(1).run(graph).saved();
        for (int plan : new int[] {0, 2}) {
            Map<String, Tensor> got =
                    open(arguments.file()).get(plan).run(graph).saved();
            expected.forEach((name, tensor) ->
                    assertClose(got.get(name), tensor, name + " of plan " + plan + " after " + trial.changes));
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void editsThatAreNoneChangeNothing(Arguments arguments) {
        Trial trial = new Trial(arguments);
        String result = trial.subject.result();
        Tensor plain = trial.model
                .trace(trial.input(false, 0, trial.count()), t -> t.get(result).save())
                .value();
        Tensor same = trial.model
                .trace(trial.input(false, 0, trial.count()), t -> {
                    for (int i = 0; i < 4; i++) {
                        SiteInfo place = trial.places.get(trial.random.nextInt(trial.places.size()));
                        nothing(t.get(place.name()), i).ifPresent(value -> t.set(Site.of(place.name()), value));
                    }
                    return t.get(result).save();
                })
                .value();
        assertClose(same, plain, result);
    }

    private static java.util.Optional<Value<Any>> nothing(Value<Any> value, int how) {
        int last = value.type().rank() - 1;
        long size = value.type().dims().get(last).size();
        return switch (how) {
            case 0 -> java.util.Optional.of(value);
            case 1 -> java.util.Optional.of(value.times(1));
            case 2 -> java.util.Optional.of(value.negate().negate());
            default ->
                size < 2
                        ? java.util.Optional.empty()
                        : java.util.Optional.of(value.from(value, range(Integer.toString(last), 0, size - 1)));
        };
    }

    @ParameterizedTest
    @MethodSource("trials")
    void patchingEverythingGivesTheDonor(Arguments arguments) {
        Trial trial = new Trial(arguments);
        String result = trial.subject.result();
        List<SiteInfo> streams = trial.places.stream()
                .filter(site -> site.name().endsWith("#resid_post"))
                .toList();
        List<SiteInfo> cut =
                streams.isEmpty() ? trial.places : List.of(streams.get(trial.random.nextInt(streams.size())));
        List<Tensor> both = values(trial.model.session(s -> {
            Run donor = s.run(trial.input(true, 0, trial.count()));
            Run patched = s.run(
                    trial.input(false, 0, trial.count()),
                    t -> cut.forEach(site -> {
                        Site<Any> place = Site.of(site.name());
                        t.set(place, donor.get(place));
                    }));
            Run plain = s.run(trial.input(false, 0, trial.count()));
            return List.of(
                    donor.get(result).save(),
                    patched.get(result).save(),
                    plain.get(result).save());
        }));
        assertClose(both.get(1), both.get(0), result + " of the patched run");
        assertThat(distance(both.get(2), both.get(0))).as("prompts that differ").isGreaterThan(1e-3);
    }

    @ParameterizedTest
    @MethodSource("trials")
    void editsOfTheStreamMatter(Arguments arguments) {
        Trial trial = new Trial(arguments);
        String result = trial.subject.result();
        List<SiteInfo> streams = trial.places.stream()
                .filter(site ->
                        site.name().endsWith("#resid_post") || site.name().endsWith("#mlp_out"))
                .toList();
        List<SiteInfo> from = streams.isEmpty()
                ? trial.places.stream()
                        .filter(site -> site.name().endsWith("#output"))
                        .toList()
                : streams;
        SiteInfo site = from.get(trial.random.nextInt(from.size()));
        long width = site.axes().get(site.axes().size() - 1).size().in(Map.of()).orElseThrow();
        float[] push = new float[(int) width];
        for (int i = 0; i < push.length; i++) {
            push[i] = (float) trial.random.nextGaussian() * 10;
        }
        List<Tensor> both = values(trial.model.session(s -> {
            Run plain = s.run(trial.input(false, 0, 1));
            Run pushed = s.run(trial.input(false, 0, 1), t -> t.add(Site.of(site.name()), s.constant(Tensor.of(push))));
            return List.of(plain.get(result).save(), pushed.get(result).save());
        }));
        assertThat(distance(both.get(1), both.get(0)))
                .as("change of %s by %s", result, site.name())
                .isGreaterThan(1e-3);
    }

    /**
     * Reads move no bit where ONNX Runtime does not rewrite and nothing was opened for them; elsewhere a read may stand in the
     * way of a fusion, and the provenance names the operators of the file that were opened.
     */
    @ParameterizedTest
    @MethodSource("trials")
    void readsMoveNothing(Arguments arguments) {
        Trial trial = new Trial(arguments);
        String result = trial.subject.result();
        List<SiteInfo> raw = trial.subject.places(true);
        List<String> taps = new ArrayList<>(trial.reads.subList(1, 4));
        for (int i = 0; i < 12 && !raw.isEmpty(); i++) {
            taps.add(raw.get(trial.random.nextInt(raw.size())).name());
        }
        for (int options : new int[] {0, 3}) {
            OnnxModel model = open(arguments.file()).get(options);
            Tensor plain = model.trace(
                            trial.input(false, 0, 2), t -> t.get(result).save())
                    .value();
            Results results = model.run(model.record(s -> {
                        Run run = s.run(trial.input(false, 0, 2));
                        taps.forEach(tap -> run.get(tap).save());
                        return run.get(result).save("result");
                    })
                    .graph());
            Tensor tapped = Objects.requireNonNull(results.saved().get("result"));
            if (options == 3 && !results.provenance().containsKey("unfused")) {
                assertThat(tapped).as("%s beside %s", result, taps).isEqualTo(plain);
            } else {
                assertClose(tapped, plain, result + " beside " + taps);
            }
        }
    }

    private static double distance(Tensor got, Tensor expected) {
        assertThat(got.shape()).isEqualTo(expected.shape());
        double[] have = got.toDoubles();
        double[] want = expected.toDoubles();
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < want.length; i++) {
            if (Double.compare(have[i], want[i]) != 0) {
                double error = Math.abs(have[i] - want[i]);
                worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(worst, error);
            }
            largest = Double.isFinite(want[i]) ? Math.max(largest, Math.abs(want[i])) : largest;
        }
        return worst / Math.max(largest, Double.MIN_NORMAL);
    }

    private static void assertClose(Tensor got, Tensor expected, String what) {
        assertThat(got.names()).as(what).isEqualTo(expected.names());
        assertThat(distance(got, expected)).as(what).isLessThanOrEqualTo(CLOSE);
    }
}
