package dev.sonde.onnx.training;

import dev.sonde.Safetensors;
import dev.sonde.Tensor;
import dev.sonde.data.Dataset;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What PyTorch trained, made by {@code src-test-models/scripts/train_reference.py} and {@code method_reference.py}. */
final class Reference {
    private static final Map<String, Tensor> TENSORS = read("training.safetensors");
    private static final Map<String, Tensor> METHODS = read("methods.safetensors");

    private Reference() {}

    private static Map<String, Tensor> read(String name) {
        Path file = TestModels.training().resolve(name);
        try {
            return Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString())
                    .tensors();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Tensor tensor(String name) {
        return Objects.requireNonNull(TENSORS.get(name), name);
    }

    static Tensor method(String name) {
        return Objects.requireNonNull(METHODS.get(name), name);
    }

    /** Rows of token ids. */
    static Dataset ids(String name) {
        List<long[]> rows = new ArrayList<>();
        Tensor all = tensor(name);
        for (int row = 0; row < all.size(0); row++) {
            rows.add(all.row(row).toLongs());
        }
        return Dataset.ids(rows);
    }
}
