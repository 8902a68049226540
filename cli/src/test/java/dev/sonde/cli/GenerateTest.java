package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Safetensors;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GenerateTest {
    @TempDir
    private Path folder;

    private String generated(String... more) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        List<String> args = new ArrayList<>(List.of(
                "generate", "--model", TestModels.tiny("names").toString(), "Then Mary and John", "--max-tokens", "6"));
        args.addAll(Arrays.asList(more));
        assertThat(Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args.toArray(String[]::new)))
                .as(err.toString())
                .isEqualTo(0);
        assertThat(err.toString()).contains("6 tokens, ended by LENGTH");
        return out.toString();
    }

    @Test
    void steersByAVector() throws IOException {
        Path file = folder.resolve("v.safetensors");
        float[] vector = new float[64];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = i % 3 - 1;
        }
        Files.write(file, new Safetensors(Map.of("v", Tensor.of(vector, vector.length)), Map.of()).toBytes());
        String plain = generated();
        assertThat(plain).isNotBlank();
        String[] steer = {"--steer", file.toString(), "--site", "layers.1#resid_post", "--scale"};
        List<String> args = new ArrayList<>(List.of(steer));
        args.add("0");
        assertThat(generated(args.toArray(String[]::new))).isEqualTo(plain);
        args.set(args.size() - 1, "20");
        assertThat(generated(args.toArray(String[]::new))).isNotEqualTo(plain);
    }

    @Test
    void aVectorNeedsASite() {
        StringWriter err = new StringWriter();
        int code = Main.run(
                new PrintWriter(new StringWriter(), true),
                new PrintWriter(err, true),
                "generate",
                "--model",
                "m.onnx",
                "x",
                "--steer",
                "v.safetensors");
        assertThat(code).isEqualTo(2);
        assertThat(err.toString()).startsWith("--steer and --site go together");
    }
}
