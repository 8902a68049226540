package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gradients at modules' outputs of very different models, held to PyTorch's. {@code scripts/architectures/gradients.py} made
 * them; {@code -Dsonde.gradients=DIR} runs on what it makes there.
 */
class GradientArchitecturesTest {
    @TempDir
    static Path cache;

    static Stream<Path> models() throws IOException {
        Path root = Path.of(System.getProperty(
                "sonde.gradients", TestModels.root().resolve("gradients").toString()));
        try (Stream<Path> folders = Files.list(root)) {
            List<Path> all = folders.filter(folder -> Files.exists(folder.resolve("model.onnx")))
                    .sorted()
                    .toList();
            return all.stream();
        }
    }

    private static Optional<Site<Any>> site(ModelManifest manifest, String module) {
        return Stream.of(module + "#output", module + "#output[0]")
                .filter(name -> manifest.find(name).isPresent())
                .findFirst()
                .map(Site::of);
    }

    @ParameterizedTest
    @MethodSource("models")
    void gradientsAtModulesArePyTorchs(Path folder) throws IOException {
        Map<String, Tensor> reference = Safetensors.read(
                        ByteBuffer.wrap(Files.readAllBytes(folder.resolve("reference.safetensors"))), folder.toString())
                .tensors();
        try (OnnxModel model = OnnxModel.open(
                folder.resolve("model.onnx"),
                Options.builder().cacheFolder(cache).build())) {
            Map<String, Tensor> inputs = new HashMap<>();
            reference.forEach((key, tensor) -> {
                if (key.startsWith("in/")) {
                    inputs.put(key.substring(3), tensor);
                }
            });
            Map<String, Tensor> wanted = new TreeMap<>();
            Map<String, Site<Any>> sites = new LinkedHashMap<>();
            List<String> absent = new ArrayList<>();
            new TreeMap<>(reference).forEach((key, tensor) -> {
                if (key.startsWith("grad/")) {
                    site(model.manifest(), key.substring(5))
                            .ifPresentOrElse(
                                    site -> {
                                        wanted.put(key, tensor);
                                        sites.put(key, site);
                                    },
                                    () -> absent.add(key));
                }
            });
            assertThat(absent).hasSizeLessThanOrEqualTo(1);
            Map<String, Saved<Tensor>> got = model.session(s -> {
                Run run = s.run(Input.tensors(inputs));
                Value<Any> number = run.get("value:out")
                        .times(s.constant(reference.get("seed")))
                        .sum();
                Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
                sites.forEach((key, site) ->
                        saved.put(key, number.gradient(run.get(site)).save()));
                saved.put("out", run.get("value:out").save());
                return saved;
            });
            near("out", got.get("out").value(), reference.get("out"));
            wanted.forEach((key, tensor) -> near(key, got.get(key).value(), tensor));
        }
    }

    private static void near(String key, Tensor got, Tensor wanted) {
        assertThat(got.shape()).as(key).isEqualTo(wanted.shape());
        float most = 0;
        for (float each : wanted.toFloats()) {
            most = Math.max(most, Math.abs(each));
        }
        assertThat(got.toFloats())
                .as(key)
                .usingComparatorWithPrecision(1e-4f * most)
                .containsExactly(wanted.toFloats());
    }
}
