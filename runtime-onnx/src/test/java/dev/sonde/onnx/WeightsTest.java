package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Weights under TransformerLens' names, in every file of every conformance model, held to PyTorch's own parameters. */
class WeightsTest {
    private static final Map<String, Tensor> REFERENCE = reference();

    @TempDir
    static Path cache;

    private static Map<String, Tensor> reference() {
        try {
            Path file = TestModels.root().resolve("weights/reference.safetensors");
            return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), "weights")
                    .tensors();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<String> files() throws IOException {
        Set<String> files = new TreeSet<>();
        for (String model : List.of("gpt2", "llama", "gpt_neox", "bert", "vit")) {
            try (Stream<Path> all = Files.walk(TestModels.conformance().resolve(model))) {
                all.filter(each -> each.toString().endsWith(".onnx"))
                        .map(each -> TestModels.conformance().relativize(each).toString())
                        .forEach(files::add);
            }
        }
        return List.copyOf(files);
    }

    private static Map<String, Tensor> wanted(String file) {
        String model = file.substring(0, file.indexOf('/') + 1);
        Map<String, Tensor> wanted = new TreeMap<>();
        REFERENCE.forEach((name, tensor) -> {
            if (name.startsWith(model)) {
                wanted.put(name.substring(model.length()), tensor);
            }
        });
        return wanted;
    }

    @ParameterizedTest
    @MethodSource("files")
    void weightsArePyTorchsOwn(String file) {
        Map<String, Tensor> wanted = wanted(file);
        Path path = TestModels.conformance().resolve(file);
        try (OnnxModel model =
                OnnxModel.open(path, Options.builder().cacheFolder(cache).build())) {
            Set<String> absent = new TreeSet<>(wanted.keySet());
            absent.removeIf(site -> model.manifest().find(site).isPresent());
            assertThat(absent).isEmpty();
            Map<String, Saved<Tensor>> got = model.session(s -> {
                Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
                wanted.keySet()
                        .forEach(site -> saved.put(site, s.parameter(site).save()));
                return saved;
            });
            wanted.forEach((site, tensor) -> {
                assertThat(got.get(site).value().shape()).as(site).isEqualTo(tensor.shape());
                assertThat(got.get(site).value().toFloats()).as(site).containsExactly(tensor.toFloats());
            });
        }
    }
}
