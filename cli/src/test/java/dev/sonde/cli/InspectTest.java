package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private int inspect(Path... models) {
        String[] args = new String[models.length + 1];
        args[0] = "inspect";
        for (int i = 0; i < models.length; i++) {
            args[i + 1] = models[i].toString();
        }
        return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    @Test
    void theTreeShowsSitesWithNamedAxesAndWhatWasNotPlaced() {
        assertThat(inspect(TestModels.tiny("names"))).as(err.toString()).isZero();
        assertThat(out.toString())
                .contains("transformer.h.1.attn")
                .contains("#output", "float32[batch, position, d_model=64]")
                .contains("float32[batch, head=4, query=position, key=position]")
                .containsPattern("(?i)placed");
    }

    @Test
    void itGoesOnAfterABadFile() throws IOException {
        Path text = Files.writeString(folder.resolve("text.onnx"), "this is not a model");
        Path whole = TestModels.tiny("names").resolve("model.onnx");
        byte[] bytes = Files.readAllBytes(whole);
        Path half = Files.write(folder.resolve("half.onnx"), Arrays.copyOf(bytes, bytes.length / 2));
        Path missing = folder.resolve("nothing.onnx");

        assertThat(inspect(text, half, missing, whole)).isEqualTo(1);

        assertThat(err.toString())
                .contains("error: " + text + ": [not-onnx] ")
                .contains("error: " + half + ": [truncated] ")
                .contains("error: " + missing + ": [file-missing] No file or folder at '" + missing + "'")
                .doesNotContain("\tat ");
        assertThat(out.toString()).contains("transformer.h.1.attn");
    }

    @Test
    void missingExternalDataIsNamed() throws IOException {
        Path external = TestModels.conformance().resolve("gpt2").resolve("external");
        Path model;
        try (var files = Files.list(external)) {
            model = files.filter(file -> file.toString().endsWith(".onnx"))
                    .findFirst()
                    .orElseThrow();
        }
        Path alone = Files.copy(model, folder.resolve("model.onnx"));

        assertThat(inspect(alone)).isEqualTo(1);

        assertThat(err.toString()).startsWith("error: [external-data-missing] ").doesNotContain("\tat ");
    }
}
