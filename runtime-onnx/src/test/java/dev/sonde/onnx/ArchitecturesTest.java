package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Run;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Standard sites of architectures outside the conformance suites, held to what PyTorch's hooks saw. */
class ArchitecturesTest {
    private static final float MASKED = -1000;

    @TempDir
    static Path cache;

    private static OnnxModel open(String name) {
        return OnnxModel.open(
                TestModels.root().resolve("architectures").resolve(name).resolve("model.onnx"),
                Options.builder().cacheFolder(cache).build());
    }

    private static Map<String, Tensor> reference(String name) throws IOException {
        Path file = TestModels.root().resolve("architectures").resolve(name).resolve("reference.safetensors");
        return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), name).tensors();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "qwen3", "mixtral", "t5", "albert", "siglip", "twin"})
    void standardSitesAreWhatPyTorchSaw(String name) throws IOException {
        Map<String, Tensor> inputs = new HashMap<>();
        Map<String, Tensor> wanted = new TreeMap<>();
        try (OnnxModel model = open(name)) {
            reference(name).forEach((key, tensor) -> {
                if (!key.startsWith("in/")) {
                    wanted.put(key, tensor);
                } else if (model.manifest().inputs().stream()
                        .anyMatch(input -> input.name().equals(key.substring(3)))) {
                    inputs.put(key.substring(3), tensor);
                }
            });
            Map<String, Saved<Tensor>> got = model.session(s -> {
                Run run = s.run(Input.tensors(inputs));
                Map<String, Saved<Tensor>> saved = new LinkedHashMap<>();
                wanted.keySet().forEach(site -> saved.put(site, run.get(site).save()));
                return saved;
            });
            assertThat(wanted).hasSizeGreaterThan(20);
            wanted.forEach((site, tensor) -> near(site, got.get(site).value(), tensor));
        }
    }

    private static void near(String site, Tensor got, Tensor wanted) {
        assertThat(got.shape()).as(site).isEqualTo(wanted.shape());
        assertThat(got.dtype()).as(site).isEqualTo(DType.FLOAT32);
        float[] a = unmasked(got);
        float[] b = unmasked(wanted);
        float most = 0;
        for (float each : b) {
            most = Math.max(most, each == MASKED ? 0 : Math.abs(each));
        }
        assertThat(a).as(site).usingComparatorWithPrecision(1e-4f * (1 + most)).containsExactly(b);
    }

    /** How low a masked score is, exporters decide. */
    private static float[] unmasked(Tensor tensor) {
        float[] values = tensor.toFloats();
        for (int i = 0; i < values.length; i++) {
            values[i] = values[i] < -1e9 ? MASKED : values[i];
        }
        return values;
    }

    @Test
    void whatARouterReturnsFirstIsRefused() {
        try (OnnxModel model = open("mixtral")) {
            assertThatThrownBy(() -> model.manifest().site("model.layers.0.mlp.gate#output[0]"))
                    .isInstanceOf(SondeException.class)
                    .hasMessageContaining("the module returns which elements it chose beside other values");
        }
    }

    @Test
    void onlyWhatIsCalledAgainHasSeveralCalls() {
        try (OnnxModel model = open("albert")) {
            assertThat(calls(model, "albert.encoder")).isEqualTo(1);
            assertThat(calls(model, "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn"))
                    .isEqualTo(3);
        }
        try (OnnxModel model = open("twin")) {
            assertThat(calls(model, "encoder")).isEqualTo(2);
            assertThat(calls(model, "encoder.first")).isEqualTo(2);
            assertThat(calls(model, "encoder.inner")).isEqualTo(4);
        }
    }

    private static int calls(OnnxModel model, String path) {
        return model.manifest().modules().stream()
                .filter(each -> each.path().equals(path))
                .findFirst()
                .orElseThrow()
                .calls();
    }
}
