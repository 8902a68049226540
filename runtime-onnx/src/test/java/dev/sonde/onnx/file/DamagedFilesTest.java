package dev.sonde.onnx.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.sonde.SondeException;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever is done to a file: it opens, or there is one clear error; nothing else, and soon. */
class DamagedFilesTest {
    private static final int COPIES = Boolean.getBoolean("sonde.full") ? 2000 : 200;
    private static final List<String> MODELS = List.of(
            "mlp_tiny/torchscript.onnx",
            "mlp_deep/dynamo.onnx",
            "gpt2/opset11.onnx",
            "gpt2/ort_fused.onnx",
            "llama/torchscript.onnx",
            "gpt2/external/model.onnx",
            "vit/torchscript.onnx");

    @TempDir
    Path folder;

    @Test
    void flippedBytesAreRefusedOrHarmless() throws IOException {
        Random random = new Random(20261124);
        Map<String, Integer> codes = new TreeMap<>();
        for (int copy = 0; copy < COPIES; copy++) {
            String model = MODELS.get(copy % MODELS.size());
            byte[] bytes = Files.readAllBytes(TestModels.conformance().resolve(model));
            int flips = 1 + random.nextInt(8);
            // half of the copies are hurt near an end, where names, shapes and versions are
            for (int i = 0; i < flips; i++) {
                int range = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 4000);
                int at = random.nextBoolean() ? random.nextInt(range) : bytes.length - 1 - random.nextInt(range);
                bytes[at] = (byte) random.nextInt(256);
            }
            codes.merge(open(bytes, model + " copy " + copy), 1, Integer::sum);
        }
        System.out.println("flipped bytes: " + codes);
        assertThat(codes).containsKey("opened").hasSizeGreaterThan(4);
    }

    @Test
    void truncationIsRefusedAtEveryPercent() throws IOException {
        Map<String, Integer> codes = new TreeMap<>();
        for (String model : MODELS) {
            byte[] whole = Files.readAllBytes(TestModels.conformance().resolve(model));
            for (int percent = 0; percent < 100; percent++) {
                byte[] bytes = java.util.Arrays.copyOf(whole, (int) ((long) whole.length * percent / 100));
                String code = open(bytes, model + " cut at " + percent + " %");
                assertThat(code).isNotEqualTo("opened");
                codes.merge(code, 1, Integer::sum);
            }
        }
        assertThat(codes).containsOnlyKeys("not-onnx", "truncated");
    }

    @Test
    void cuttingTheLastBytesIsRefusedOrHarmless() throws IOException {
        byte[] whole = Files.readAllBytes(TestModels.conformance().resolve("mlp_tiny/torchscript.onnx"));
        for (int length = 0; length < whole.length; length++) {
            open(java.util.Arrays.copyOf(whole, length), "cut at " + length);
        }
    }

    private String open(byte[] bytes, String what) throws IOException {
        Path file = Files.write(Files.createDirectories(folder.resolve("model")).resolve("model.onnx"), bytes);
        Path data = folder.resolve("model/model.onnx.data");
        if (!Files.exists(data)) {
            Files.copy(TestModels.conformance().resolve("gpt2/external/model.onnx.data"), data);
        }
        try {
            return Assertions.assertTimeout(Duration.ofSeconds(20), () -> {
                OnnxFile opened = OnnxFile.open(file, folder.resolve("cache"));
                opened.skeleton()
                        .getGraph()
                        .getInitializerList()
                        .forEach(tensor -> opened.constant(tensor.getName()).ifPresent(Constant::bytes));
                return "opened";
            });
        } catch (SondeException refused) {
            assertThat(refused.problem()).as(what).doesNotContain("null").contains(file.toString());
            return refused.code();
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError escaped) {
            return fail(what, escaped);
        } finally {
            ModelCache.discard(folder.resolve("cache"));
        }
    }
}
