package dev.sonde.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sonde.Tensor;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The samples give NNsight's numbers, and the demonstration shows that the service gives the same. */
class SamplesTest {
    @TempDir
    private Path folder;

    private static JsonObject golden(String model, String entry) throws IOException {
        return JsonParser.parseString(Files.readString(TestModels.golden(model)))
                .getAsJsonObject()
                .getAsJsonArray(entry)
                .get(0)
                .getAsJsonObject();
    }

    private static List<Double> numbers(JsonElement element) {
        List<Double> numbers = new ArrayList<>();
        if (element instanceof JsonArray array) {
            array.forEach(each -> numbers.addAll(numbers(each)));
        } else {
            numbers.add(element.getAsDouble());
        }
        return numbers;
    }

    private static void near(Tensor found, double plus, List<Double> expected, double tolerance) {
        double[] values = found.toDoubles();
        assertThat(values).hasSameSizeAs(expected.toArray());
        for (int i = 0; i < values.length; i++) {
            assertThat(values[i] + plus).isCloseTo(expected.get(i), within(tolerance));
        }
    }

    @Test
    void meaningHeads() throws IOException {
        JsonObject golden = golden("minilm", "pairs");
        try (OnnxModel model = OnnxModel.open(TestModels.miniLm())) {
            MeaningHeadsResult result = MeaningHeadsExperiment.builder()
                    .first(golden.get("a").getAsString())
                    .second(golden.get("b").getAsString())
                    .build()
                    .run(model);
            double similarity = result.similarity().item();
            assertThat(similarity).isCloseTo(golden.get("cosine").getAsDouble(), within(1e-4));
            near(result.changeWithoutHead(), similarity, numbers(golden.get("cosine_with_head_of_a_zeroed")), 1e-4);
            near(
                    result.changeWithoutLayer(),
                    similarity,
                    numbers(golden.get("cosine_with_all_heads_of_layer_zeroed")),
                    1e-4);
        }
    }

    @Test
    void namePatching() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("names"))) {
            NamePatchingResult result = NamePatchingExperiment.builder().build().run(model);
            // The giver's name is at position 10 until head 1 of layer 0 moves it to the last position.
            assertThat(result.byPosition().at(0, 10)).isCloseTo(1, within(0.05));
            assertThat(result.byPosition().at(1, 16)).isCloseTo(1, within(0.05));
            assertThat(result.byHead().at(0, 1)).isCloseTo(1, within(0.1));
        }
    }

    @Test
    void inductionScores() {
        try (OnnxModel model = OnnxModel.open(TestModels.tiny("induction"))) {
            InductionScoresResult result =
                    InductionScoresExperiment.builder().build().run(model);
            for (int head = 0; head < 4; head++) {
                assertThat(result.induction().at(1, head)).isGreaterThan(0.8);
                assertThat(result.induction().at(0, head)).isLessThan(0.1);
            }
            assertThat(result.previousToken().at(0, 3)).isGreaterThan(0.8);
        }
    }

    @Test
    void capitals() throws IOException {
        assumeTrue(TestModels.smollm2().isPresent(), "SmolLM2 is not there: run src-test-models/smollm2.sh");
        try (OnnxModel model = OnnxModel.open(TestModels.smollm2().orElseThrow())) {
            near(
                    CapitalPatchingExperiment.builder().build().run(model).recovered(),
                    0,
                    numbers(golden("smollm2", "activation_patching").get("normalised")),
                    1e-3);
            CapitalLensResult lens = CapitalLensExperiment.builder().build().run(model);
            JsonArray layers = golden("smollm2", "logit_lens").getAsJsonArray("layers");
            for (int layer = 0; layer < layers.size(); layer++) {
                JsonObject expected = layers.get(layer).getAsJsonObject();
                assertThat(lens.token().at(layer, 4))
                        .isEqualTo(expected.get("id").getAsDouble());
                assertThat(lens.probability().at(layer, 4))
                        .isCloseTo(expected.get("prob").getAsDouble(), within(1e-4));
            }
        }
    }

    @Test
    void theDemonstrationDrawsAndFindsTheServiceEqual() throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(text, true, StandardCharsets.UTF_8);

        assertThat(new Main(out, folder, Sample.small()).run())
                .as(text.toString(StandardCharsets.UTF_8))
                .isTrue();

        assertThat(text.toString(StandardCharsets.UTF_8))
                .contains("NamePatching     [byHead, byPosition]: 2 tensors, local == (bit for bit) remote")
                .contains("Pictures and reports:");
        List<Path> pictures = files(".png");
        assertThat(pictures).hasSizeGreaterThanOrEqualTo(6);
        for (Path picture : pictures) {
            BufferedImage image = ImageIO.read(picture.toFile());
            long colours = java.util.Arrays.stream(
                            image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth()))
                    .distinct()
                    .count();
            assertThat(colours).as(picture.toString()).isGreaterThan(10);
        }
        List<Path> reports = files(".html");
        assertThat(reports).hasSize(3);
        for (Path report : reports) {
            assertThat(Files.readString(report)).doesNotContain("src=\"http", "href=\"http", "@import");
        }
    }

    private List<Path> files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }
}
