package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Safetensors;
import dev.sonde.Tensor;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;

/** What PyTorch found, made by {@code src-test-models/scripts/train_reference.py} and {@code method_reference.py}. */
final class References {
    private static final Map<String, Tensor> TRAINING = read("training.safetensors");
    private static final Map<String, Tensor> METHODS = read("methods.safetensors");

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

    static Tensor method(String name) {
        return Objects.requireNonNull(METHODS.get(name), name);
    }

    static void assertClose(Tensor actual, String expected, double tolerance) {
        assertClose(actual.toDoubles(), expected, tolerance);
    }

    /** Compares with a reference, within a share of its largest element. */
    static void assertClose(double[] actual, String expected, double tolerance) {
        double[] wanted = method(expected).toDoubles();
        double size = Arrays.stream(wanted).map(Math::abs).max().orElse(0);
        assertThat(actual).as(expected).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.length; i++) {
            assertThat(actual[i]).as("%s[%d]", expected, i).isCloseTo(wanted[i], within(tolerance * size));
        }
    }
}
