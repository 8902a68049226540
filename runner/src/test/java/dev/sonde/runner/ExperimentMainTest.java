package dev.sonde.runner;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExperimentMainTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final FakeBackend backend = new FakeBackend();
    private final FakeOpener opener = new FakeOpener();
    private Map<String, String> recordedWith = Map.of();
    private RuntimeException failure;

    @Test
    void printsResultsWithTheirTokens() {
        assertThat(run("--clean", "a b")).as(err.toString(UTF_8)).isZero();
        assertThat(out.toString(UTF_8)).isEqualTo("""
                effect: float32[layer=2, position=2]
                layer \\ position  t5␣  t6␣
                               0    1    2
                               1    3    4
                loss = 0.500000
                """);
        assertThat(err.toString(UTF_8)).isEmpty();
        assertThat(opener.opened).isEqualTo("open tiny");
        assertThat(recordedWith).isEqualTo(Map.of("clean", "a b", "steps", "3", "fast", "false"));
        assertThat(backend.closed).isTrue();
    }

    @Test
    void parametersAreOptions() {
        assertThat(run("--clean=--x", "--steps", "-7", "--fast", "--model", "m.onnx"))
                .isZero();
        assertThat(recordedWith).isEqualTo(Map.of("clean", "--x", "steps", "-7", "fast", "true"));
        assertThat(opener.opened).isEqualTo("open m.onnx");
    }

    @Test
    void theKeyComesFromTheOptionOrTheEnvironment() {
        assertThat(run("--clean", "a", "--remote", "http://h:1")).isZero();
        assertThat(opener.opened).isEqualTo("connect http://h:1 env-key tiny");
        assertThat(run("--clean", "a", "--remote", "http://h:1", "--api-key", "k", "--model", "big"))
                .isZero();
        assertThat(opener.opened).isEqualTo("connect http://h:1 k big");
    }

    @Test
    void writesResultsAndReport(@TempDir Path folder) throws IOException {
        Path saved = folder.resolve("r.safetensors");
        Path page = folder.resolve("out.html");
        assertThat(run("--clean", "<a>", "--save", saved.toString(), "--report", page.toString()))
                .isZero();
        Safetensors file = Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(saved)), "r");
        assertThat(file.tensors()).isEqualTo(backend.results.saved());
        assertThat(file.metadata()).containsEntry("engine", "fake 1");
        assertThat(Files.readString(page))
                .contains(
                        "<h1>Recall</h1>",
                        "<td>&lt;a&gt;</td>",
                        "engine",
                        "fake 1",
                        "title=\"layer 1, position t5␣: 3.0\"",
                        "own part");
    }

    @Test
    void printAndCheckDoNotRun() {
        assertThat(run("--clean", "a", "--check")).isZero();
        assertThat(out.toString(UTF_8))
                .isEqualTo("ok: Recall fits model 'tiny': 3 rows, 12 tokens, 20 bytes of results\n");
        out.reset();
        assertThat(run("--clean", "a", "--explain")).isZero();
        assertThat(out.toString(UTF_8)).isEqualTo("3 rows, 12 tokens, 20 bytes of results\n");
        out.reset();
        assertThat(run("--clean", "a", "--print")).isZero();
        assertThat(out.toString(UTF_8)).isEqualTo(backend.graph() + "\n");
        assertThat(backend.runs).isZero();
    }

    @Test
    void wrongUsageIsTwoAndOneMessage() {
        assertWrong("error: Missing required option: '--clean=TEXT'");
        assertWrong("error: Unknown option: '--cleen'. Did you mean '--clean'?", "--clean", "a", "--cleen");
        assertWrong("error: --steps must be a whole number but was '3.5'", "--clean", "a", "--steps", "3.5");
        assertWrong("error: --fast must be true or false but was 'maybe'", "--clean", "a", "--fast=maybe");
        assertWrong("error: --api-key needs --remote", "--clean", "a", "--api-key", "k");
        assertWrong(
                "error: --remote must be an http or https address but was 'here'", "--clean", "a", "--remote", "here");
    }

    private void assertWrong(String message, String... arguments) {
        err.reset();
        assertThat(run(arguments)).isEqualTo(2);
        assertThat(err.toString(UTF_8)).isEqualTo(message + "\n  --help shows the options of Recall\n");
    }

    @Test
    void failuresAreOneMessageAndAStackTraceOnlyWhenAsked() {
        failure = new SondeException("unknown-site", "No site 'x'");
        assertThat(run("--clean", "a")).isEqualTo(1);
        assertThat(err.toString(UTF_8))
                .isEqualTo("error: [unknown-site] No site 'x'\n  See docs/errors.md#unknown-site\n");
        assertThat(backend.closed).isTrue();
        assertThat(run("--clean", "a", "--stacktrace")).isEqualTo(1);
        assertThat(err.toString(UTF_8)).contains("\tat dev.sonde.runner.ExperimentMain");
    }

    @Test
    void theUnexpectedIsNamedWithoutAStackTrace() {
        failure = new IllegalStateException("odd");
        assertThat(run("--clean", "a")).isEqualTo(1);
        assertThat(err.toString(UTF_8))
                .isEqualTo("error: java.lang.IllegalStateException: odd\n"
                        + "  This is unexpected; --stacktrace says where in the code it happened\n");
    }

    @Test
    void aFileThatCannotBeWrittenIsNamed(@TempDir Path folder) {
        String file = folder.resolve("none/r.safetensors").toString();
        assertThat(run("--clean", "a", "--save", file)).isEqualTo(1);
        assertThat(err.toString(UTF_8)).isEqualTo("error: Cannot write or read '" + file + "': NoSuchFileException\n");
    }

    @Test
    void missingModelsAndEnginesAreSaid(@TempDir Path folder) {
        ExperimentMain main = new ExperimentMain(
                new Recall(),
                ModelOpener.ofClassPath(),
                Map.of("SONDE_MODELS", folder.toString()),
                stream(out),
                stream(err));
        assertThat(main.run("--clean", "a")).isEqualTo(1);
        assertThat(err.toString(UTF_8))
                .isEqualTo(
                        "error: [no-model] No model at 'tiny': no such file or folder; tried [tiny, "
                                + folder.resolve("tiny")
                                + "]. Give its folder or .onnx file with --model, or name the folder that"
                                + " holds your models in the environment variable SONDE_MODELS\n  See docs/errors.md#no-model\n");
        err.reset();
        assertThat(main.run("--clean", "a", "--model", folder.toString())).isEqualTo(1);
        assertThat(err.toString(UTF_8))
                .startsWith(
                        "error: [no-backend] No engine is on the class path to open '" + folder + "'; add sonde-onnx");
    }

    @Test
    void helpShowsParametersFirst() {
        assertThat(run("--help")).isZero();
        assertThat(out.toString(UTF_8))
                .startsWith("""
                Usage: RecallRunner [-h] [--check] [--explain] [--print] [--stacktrace]""")
                .contains(
                        "--clean=TEXT",
                        "the 100% clean prompt",
                        "--steps=INTEGER",
                        "(default: \"3\")",
                        "--model=PATH|NAME",
                        "(default: tiny)");
    }

    @Test
    void parametersCannotTakeTheRunnersNames() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ParamSpec("save", ParamSpec.Kind.TEXT, "", ""))
                .withMessage("A parameter cannot be called 'save': every runner has --save");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ParamSpec("n", ParamSpec.Kind.INTEGER, "", "x"))
                .withMessage("The default of 'n' must be a whole number but is 'x'");
    }

    private int run(String... arguments) {
        return new ExperimentMain(new Recall(), opener, Map.of("SONDE_API_KEY", "env-key"), stream(out), stream(err))
                .run(arguments);
    }

    private static PrintStream stream(ByteArrayOutputStream bytes) {
        return new PrintStream(bytes, true, UTF_8);
    }

    private final class Recall implements ExperimentSpec {
        @Override
        public String name() {
            return "Recall";
        }

        @Override
        public String describe() {
            return "Finds where a name is kept.";
        }

        @Override
        public String defaultModel() {
            return "tiny";
        }

        @Override
        public List<ParamSpec> params() {
            return List.of(
                    new ParamSpec("clean", ParamSpec.Kind.TEXT, "the 100% clean prompt", null),
                    new ParamSpec("steps", ParamSpec.Kind.INTEGER, "", "3"),
                    new ParamSpec("fast", ParamSpec.Kind.TRUTH, "", "false"));
        }

        @Override
        public InterventionGraph record(Model model, Map<String, String> params) {
            recordedWith = params;
            if (failure != null) {
                throw failure;
            }
            return backend.graph();
        }

        @Override
        public void present(Report report, Model model, Map<String, String> params, Results results) {
            report.paragraph("own part");
        }
    }

    private final class FakeOpener implements ModelOpener {
        private String opened = "";

        @Override
        public Model open(String pathOrName, List<Path> folders) {
            opened = "open " + pathOrName;
            return new BackendModel(backend);
        }

        @Override
        public Model connect(URI service, String apiKey, String name) {
            opened = "connect " + service + " " + apiKey + " " + name;
            return new BackendModel(backend);
        }
    }

    private static final class FakeBackend implements Backend, Tokenizer {
        private final Results results = results();
        private boolean closed;
        private int runs;

        private static Results results() {
            Map<String, Tensor> saved = new LinkedHashMap<>();
            saved.put("effect", Tensor.of(new float[] {1, 2, 3, 4}, 2, 2).withNames(List.of("layer", "position")));
            saved.put("loss", Tensor.of(new float[] {0.5f}));
            return new Results(saved, Map.of("engine", "fake 1"));
        }

        InterventionGraph graph() {
            RunInput prompt = new RunInput.Tokens(List.of(List.of(5L, 6L)), List.of(), Map.of());
            return new InterventionGraph("00", List.of(prompt), List.of(), List.of(), Map.of());
        }

        @Override
        public ModelManifest manifest() {
            return new ModelManifest(
                    "tiny",
                    "00",
                    "nobody",
                    List.of(),
                    List.of(),
                    List.of(),
                    Map.of(),
                    List.of(),
                    new ModelManifest.Placement(0, 0, List.of()));
        }

        @Override
        public Optional<Tokenizer> tokenizer() {
            return Optional.of(this);
        }

        @Override
        public Prepared prepare(InterventionGraph graph, Limits limits) {
            return new Prepared() {
                @Override
                public InterventionGraph graph() {
                    return graph;
                }

                @Override
                public Cost cost() {
                    return new Cost(3, 12, 20);
                }

                @Override
                public String structureKey() {
                    return "";
                }
            };
        }

        @Override
        public List<Results> run(List<Prepared> prepared, Control control) {
            runs++;
            return List.of(results);
        }

        @Override
        public void close() {
            closed = true;
        }

        @Override
        public long[] encode(String text) {
            return encodePlain(text);
        }

        @Override
        public long[] encodePlain(String text) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(long... ids) {
            return "t" + ids[0] + " ";
        }
    }
}
