package dev.sonde.testmodels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.Test;

class TestModelsTest {
    @Test
    void everySuiteHasCasesAndReference() {
        for (String model : List.of("bert", "gpt2", "gpt_neox", "llama", "mlp_deep", "mlp_tiny", "vit")) {
            assertThat(TestModels.conformance().resolve(model))
                    .isDirectoryContaining("glob:**/cases.json")
                    .isDirectoryContaining("glob:**/reference.safetensors");
        }
    }

    @Test
    void tinyModelsHaveATokenizer() {
        for (String name : List.of("induction", "names")) {
            assertThat(TestModels.tiny(name)).isDirectoryContaining("glob:**/tokenizer.json");
            assertThat(TestModels.golden("tiny-" + name)).isNotEmptyFile();
            assertThat(TestModels.inputs("tiny-" + name)).isNotEmptyFile();
        }
    }

    @Test
    void unknownTinyModelFails() {
        assertThatThrownBy(() -> TestModels.tiny("name"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("No tiny model 'name' in ");
    }

    @Test
    void miniLmIsExtractedOnce() throws IOException {
        Path model = TestModels.miniLm().resolve("model.onnx");
        assertThat(Files.size(model)).isEqualTo(90_387_606);
        FileTime first = Files.getLastModifiedTime(model);
        assertThat(TestModels.miniLm()).isDirectoryContaining("glob:**/tokenizer.json");
        assertThat(Files.getLastModifiedTime(model)).isEqualTo(first);
    }

    @Test
    void smollm2IsWholeWhereItIsThere() {
        TestModels.smollm2()
                .ifPresent(folder -> assertThat(folder.resolve("with_past")).isDirectoryContaining("glob:**/*.gguf"));
    }
}
