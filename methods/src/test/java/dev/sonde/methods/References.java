package dev.sonde.methods;

import dev.sonde.Safetensors;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Map;
import java.util.Objects;

/** What PyTorch found, made by {@code src-test-models/scripts/train_reference.py} and {@code method_reference.py}. */
final class References {
    private static final Map<String, Tensor> TRAINING = read("training.safetensors");

    private References() {}

    private static Map<String, Tensor> read(String name) {
        try {
            byte[] bytes = Files.readAllBytes(TestModels.training().resolve(name));
            return Safetensors.read(ByteBuffer.wrap(bytes), name).tensors();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Tensor training(String name) {
        return Objects.requireNonNull(TRAINING.get(name), name);
    }
}
