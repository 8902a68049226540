package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.Input;
import dev.sonde.Safetensors;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One model as files of many exporters: what is read, edited and refused in each is held to what PyTorch did. A place that a file
 * does not have is refused by name, with a reason.
 */
class ExportersTest {
    private static final double MASKED = -1e9;
    private static final double MASKED_AT_LEAST = -1e4;

    @TempDir
    static Path cache;

    private static Map<String, Tensor> reference;
    private static Map<String, Tensor> inputs;

    @BeforeAll
    static void read() throws IOException {
        Path file = TestModels.root().resolve("exporters/reference.safetensors");
        reference = new TreeMap<>(Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), "reference")
                .tensors());
        inputs = new LinkedHashMap<>();
        reference.forEach((name, tensor) -> {
            if (name.startsWith("in/")) {
                inputs.put(name.substring(3), tensor);
            }
        });
        reference.keySet().removeIf(name -> name.startsWith("in/"));
    }

    /** The tolerance is a part of the numbers' norm: what a file's own precision allows. */
    @ParameterizedTest
    @CsvSource({
        "torchscript, 1e-5, ''",
        "nameless, 1e-5, ''",
        "tf2onnx, 1e-5, ''",
        "paddle, 1e-5, ''",
        "constants, 1e-5, ''",
        "function, 1e-5, scales",
        "basic, 1e-5, ''",
        "extended, 1e-5, scales",
        "half, 5e-3, ''",
        "dynamic, 0.1, weights table",
        "qdq, 0.25, weights",
        "nbits, 1e-5, weights",
        "merged, 1e-5, ''",
    })
    void placesAreWhatPyTorchSawAndDid(String name, double tolerance, String absent) {
        Path file = TestModels.root().resolve("exporters").resolve(name).resolve("model.onnx");
        Set<String> missing = new TreeSet<>();
        Map<String, String> wrong = new TreeMap<>();
        try (OnnxModel model =
                OnnxModel.open(file, Options.builder().cacheFolder(cache).build())) {
            reference.forEach((key, wanted) -> {
                try {
                    double error = error(result(model, key), wanted);
                    if (!(error <= tolerance)) {
                        wrong.put(key, "off by " + error + " of its norm");
                    }
                } catch (SondeException refused) {
                    assertThat(refused.code()).as(key).isEqualTo("absent-site");
                    missing.add(key.replaceFirst("layers\\.\\d#", ""));
                }
            });
        }
        assertThat(wrong).isEmpty();
        assertThat(missing).isEqualTo(absent(absent));
    }

    /** What quantised files hold as whole numbers, and what lies inside operators. */
    private static Set<String> absent(String kinds) {
        Set<String> absent = new TreeSet<>();
        if (kinds.contains("weights")) {
            absent.add("result");
            List.of("W_Q", "W_K", "W_V", "W_O", "W_in", "W_gate", "W_out", "W_U")
                    .forEach(each -> absent.add("weight/" + each));
        }
        if (kinds.contains("table")) {
            absent.add("weight/W_E");
        }
        if (kinds.contains("scales")) {
            absent.addAll(List.of("norm_scale", "mlp_norm_scale"));
        }
        return absent;
    }

    private static Tensor result(OnnxModel model, String key) {
        String[] parts = key.split("/", -1);
        return model.session(s -> switch (parts[0]) {
                    case "weight" -> s.parameter(parts[1]).save("x");
                    case "edit" ->
                        s.run(given(), t -> edit(s, t, parts[1].split(" ", -1), parts[2]))
                                .get("logits")
                                .save("x");
                    default -> s.run(given()).get(key).save("x");
                })
                .value();
    }

    private static RunInput given() {
        return Input.tensors(inputs);
    }

    private static void edit(Session s, Trace t, String[] what, String site) {
        t.update(Site.of(site), value -> switch (what[0]) {
            case "zero" -> value.times(0);
            case "index" -> value.with(Selector.index(what[1], Integer.parseInt(what[2])), 0);
            case "add" -> {
                Selector position = Selector.index("1", 3);
                yield value.with(
                        position,
                        value.at(position)
                                .plus(s.constant(vector()).cast(value.type().dtype())));
            }
            case "rows" -> value.as(Any.class).from(flipped(s, value));
            default -> {
                Selector head = Selector.index("2", Integer.parseInt(what[1]));
                yield value.with(head, flipped(s, value.at(head)));
            }
        });
    }

    private static Value<Any> flipped(Session s, Value<?> value) {
        return value.gather("0", s.constant(Tensor.of(new long[] {1, 0}, 2)));
    }

    private static Tensor vector() {
        float[] numbers = new float[32];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = -1 + 2f * i / (numbers.length - 1);
        }
        return Tensor.of(numbers, numbers.length);
    }

    /** The norm of the difference by the norm; how low a masked score is, exporters decide. */
    private static double error(Tensor got, Tensor wanted) {
        assertThat(got.shape()).isEqualTo(wanted.shape());
        double[] a = got.toDoubles();
        double[] b = wanted.toDoubles();
        double difference = 0;
        double all = 0;
        for (int i = 0; i < a.length; i++) {
            boolean masked = b[i] < MASKED;
            assertThat(a[i] < MASKED_AT_LEAST).isEqualTo(masked);
            difference += masked ? 0 : (a[i] - b[i]) * (a[i] - b[i]);
            all += masked ? 0 : b[i] * b[i];
        }
        return Math.sqrt(difference / Math.max(all, 1));
    }
}
