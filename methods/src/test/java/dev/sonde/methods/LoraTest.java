package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.DType;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import dev.sonde.training.Trainable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** LoRAs on every linear of every sort of file at once: Linear, Conv1D, fused projections, MatMul, Gemm. */
class LoraTest {
    private static final Path SUITES = TestModels.conformance();

    private static RunInput input(String suite) throws IOException {
        byte[] bytes = Files.readAllBytes(SUITES.resolve(suite).resolve("reference.safetensors"));
        Map<String, Tensor> inputs = new HashMap<>();
        Safetensors.read(ByteBuffer.wrap(bytes), suite).tensors().forEach((name, tensor) -> {
            if (name.startsWith("in/a/")) {
                inputs.put(name.substring(5), tensor);
            }
        });
        return Input.tensors(
                inputs.isEmpty() ? Map.of("x", Trainable.normal("x", 1, 1, 3, 5).tensor()) : inputs);
    }

    private static OptionalLong width(ModelManifest manifest, String site) {
        List<AxisInfo> axes = manifest.find(site).map(each -> each.axes()).orElse(List.of());
        return axes.isEmpty()
                ? OptionalLong.empty()
                : axes.get(axes.size() - 1).size().in(Map.of());
    }

    private static String[] linears(ModelManifest manifest) {
        return manifest.modules().stream()
                .filter(module -> module.calls() == 1)
                .map(ModuleInfo::path)
                .filter(path -> manifest.find(path + ".weight")
                        .filter(weight -> weight.axes().size() == 2)
                        .isPresent())
                .filter(path -> manifest.find(path + "#input")
                        .filter(site -> site.dtype() == DType.FLOAT32)
                        .isPresent())
                .filter(path -> width(manifest, path + "#input").isPresent()
                        && width(manifest, path + "#output").isPresent())
                .toArray(String[]::new);
    }

    private static Tensor run(Model model, RunInput input, Consumer<Trace> edits) {
        String output = model.manifest().find("logits").isPresent() ? "logits" : "y";
        return model.trace(input, t -> {
                    edits.accept(t);
                    return t.get(output).save();
                })
                .value();
    }

    private static void fill(Lora lora) {
        int seed = 0;
        for (Trainable each : lora.trainables()) {
            each.set(Trainable.normal("x", seed++, 0.3, each.tensor().shape()).tensor());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gpt2,torchscript,13",
        "gpt2,dynamo,13",
        "gpt2,dynamo_sdpa,13",
        "gpt2,opset11,13",
        "gpt2,ort_fused,10",
        "llama,torchscript,22",
        "llama,dynamo,22",
        "gpt_neox,torchscript,13",
        "gpt_neox,dynamo,13",
        "bert,torchscript,20",
        "bert,dynamo,19",
        "vit,torchscript,19",
        "vit,dynamo,19",
        "mlp_deep,torchscript,9",
        "mlp_deep,dynamo,9"
    })
    void rankOrScaleZeroChangesNothingAndOthersDo(String suite, String file, int least) throws IOException {
        try (OnnxModel model = OnnxModel.open(SUITES.resolve(suite).resolve(file + ".onnx"))) {
            RunInput input = input(suite);
            String[] linears = linears(model.manifest());
            assertThat(linears.length).as(Arrays.toString(linears)).isGreaterThanOrEqualTo(least);
            Tensor plain = run(model, input, t -> {});
            Lora none = Lora.of(model.manifest(), 0, 2, 1, linears);
            Lora silent = Lora.of(model.manifest(), 3, 0, 1, linears);
            Lora loud = Lora.of(model.manifest(), 3, 1.5, 1, linears);
            fill(silent);
            fill(loud);
            assertThat(run(model, input, none::apply)).isEqualTo(plain);
            assertThat(run(model, input, silent::apply)).isEqualTo(plain);
            assertThat(run(model, input, silent::merge)).isEqualTo(plain);
            assertThat(distance(run(model, input, loud::apply), plain)).isGreaterThan(0.01);
        }
    }

    /** Square weights of TorchScript files apart, whose layout nobody wrote down, and weights that embeddings share. */
    @ParameterizedTest
    @CsvSource({
        "gpt2,torchscript",
        "gpt2,dynamo",
        "llama,torchscript",
        "llama,dynamo",
        "gpt_neox,dynamo",
        "bert,torchscript",
        "bert,dynamo",
        "vit,dynamo",
        "mlp_deep,torchscript",
        "mlp_deep,dynamo"
    })
    void mergedIntoTheWeightsItDoesTheSame(String suite, String file) throws IOException {
        try (OnnxModel model = OnnxModel.open(SUITES.resolve(suite).resolve(file + ".onnx"))) {
            RunInput input = input(suite);
            String[] linears = Arrays.stream(linears(model.manifest()))
                    .filter(path -> !path.equals("lm_head") && !path.endsWith("decoder"))
                    .filter(path -> !file.equals("torchscript")
                            || width(model.manifest(), path + "#input").getAsLong()
                                    != width(model.manifest(), path + "#output").getAsLong())
                    .toArray(String[]::new);
            assertThat(linears).hasSizeGreaterThanOrEqualTo(5);
            Lora lora = Lora.of(model.manifest(), 3, 0.7, 1, linears);
            fill(lora);
            Tensor applied = run(model, input, lora::apply);
            assertThat(distance(run(model, input, lora::merge), applied)).isLessThan(1e-4);
            assertThat(distance(run(model, input, t -> {}), applied)).isGreaterThan(0.01);
            var weights = model.session(s -> {
                Map<String, Saved<Tensor>> saved = new HashMap<>();
                lora.weights(s).forEach((name, value) -> saved.put(name, value.save()));
                return saved;
            });
            assertThat(weights).hasSameSizeAs(linears);
            Tensor exported = run(
                    model,
                    input,
                    t -> weights.forEach((name, saved) -> t.set(Site.of(name), t.constant(saved.value()))));
            assertThat(distance(exported, applied)).isLessThan(1e-4);
        }
    }

    @Test
    void aWeightWhoseLayoutNobodyWroteDownIsRefused() throws IOException {
        try (OnnxModel model = OnnxModel.open(SUITES.resolve("gpt2/torchscript.onnx"))) {
            Lora lora = Lora.of(model.manifest(), 3, 0.7, 1, "transformer.h.1.attn.c_proj");
            RunInput input = input("gpt2");
            assertThatThrownBy(() -> run(model, input, lora::merge))
                    .hasMessageContaining("[unknown-layout] Which axis of 'transformer.h.1.attn.c_proj.weight'");
        }
    }

    private static double distance(Tensor one, Tensor other) {
        double[] a = one.toDoubles();
        double[] b = other.toDoubles();
        double most = 0;
        double size = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
            size = Math.max(size, Math.abs(b[i]));
        }
        return most / size;
    }
}
