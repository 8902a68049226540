package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private int sonde(String... args) {
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    @Test
    void withoutACommandItIsUsedWrongly() {
        assertThat(sonde()).isEqualTo(2);
        assertThat(err.toString()).startsWith("Missing command").contains("Usage: sonde", "inspect");
    }

    @Test
    void anUnknownOptionIsWrongUsage() {
        assertThat(sonde("inspect", "--what", "model.onnx")).isEqualTo(2);
        assertThat(err.toString()).startsWith("Unknown option: '--what'");
    }

    @Test
    void anUnknownKindIsWrongUsage() {
        assertThat(sonde("conformance", "--kind", "dance", "folder")).isEqualTo(2);
        assertThat(err.toString()).contains("expected one of [trace, grad, train, generate]");
    }

    @Test
    void aMissingGraphIsOneClearMessage() {
        Path graph = folder.resolve("graph.safetensors");

        assertThat(sonde("run", graph.toString(), "--model", "m.onnx", "--out", "r.safetensors"))
                .isEqualTo(1);

        assertThat(err.toString())
                .isEqualTo("error: [file-missing] No file '" + graph + "'\n  See docs/errors.md#file-missing\n");
    }

    @Test
    void aFolderWithoutASuiteIsOneClearMessage() {
        assertThat(sonde("conformance", folder.toString())).isEqualTo(1);
        assertThat(err.toString())
                .startsWith("error: [bad-suite] Cannot read the suite in '" + folder + "': ")
                .doesNotContain("\tat ");
    }

    @Test
    void aSuiteOfAnotherFormatIsRefused() throws IOException {
        Path cases = folder.resolve("cases.json");
        Files.writeString(cases, "{\"format\": \"sonde-conformance/9\"}");

        assertThat(sonde("conformance", folder.toString())).isEqualTo(1);

        assertThat(err.toString())
                .startsWith("error: [bad-suite] '" + cases
                        + "' has format 'sonde-conformance/9': expected 'sonde-conformance/1'");
    }

    @Test
    void theStackTraceIsShownWhereItIsAskedFor() {
        assertThat(sonde("conformance", "--stacktrace", folder.toString())).isEqualTo(1);
        assertThat(err.toString()).contains("\tat dev.sonde.cli.conformance.Suite.read(");
    }

    @Test
    void aServerThatIsDownIsOneClearMessage() throws IOException {
        Path graph = Files.writeString(folder.resolve("graph"), "no graph");

        int code = sonde(
                "submit",
                graph.toString(),
                "--remote",
                "http://127.0.0.1:1",
                "--model",
                "gpt2",
                "--out",
                folder.resolve("r").toString());

        assertThat(code).isEqualTo(1);
        assertThat(err.toString()).startsWith("error: [server-down] ").doesNotContain("\tat ");
    }
}
