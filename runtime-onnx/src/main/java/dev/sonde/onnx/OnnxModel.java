package dev.sonde.onnx;

import dev.sonde.Model;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.file.TurnedWeights;
import dev.sonde.onnx.plan.ModelGraph;
import dev.sonde.onnx.run.RuntimeEnvironment;
import dev.sonde.onnx.structure.Structure;
import dev.sonde.spi.Backend;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model in an ONNX file, run by ONNX Runtime in this process.
 *
 * <pre>{@code
 * try (OnnxModel model = OnnxModel.open(Path.of("smollm2"))) {
 *     Saved pattern = model.trace("The capital of France is", t -> t.save(t.pattern(3)));
 * }
 * }</pre>
 *
 * <p>Safe for use by many threads. Whoever opens it closes it; results stay valid afterwards.
 */
public final class OnnxModel implements Model {
    private final Backend backend;

    private OnnxModel(Backend backend) {
        this.backend = backend;
    }

    /**
     * Opens a model with the default {@linkplain Options options}.
     *
     * @param fileOrFolder an {@code .onnx} file, or a folder as exporters write it: with {@code model.onnx}, alone or under
     *     {@code onnx/}, and a {@code tokenizer.json} if prompts are to be given as text
     * @throws dev.sonde.SondeException {@code file-missing} or {@code ambiguous-folder} if there is none or more than one to
     *     choose from; {@code not-onnx}, {@code truncated}, {@code damaged-file} and others if the file cannot be read;
     *     {@code unrunnable-model} if ONNX Runtime cannot run it
     */
    public static OnnxModel open(Path fileOrFolder) {
        return open(fileOrFolder, Options.builder().build());
    }

    /** Opens a model as {@link #open(Path)} does. */
    public static OnnxModel open(Path fileOrFolder, Options options) {
        return new OnnxModel(backend(fileOrFolder, options));
    }

    /** Opens the model of a file or folder. */
    static Backend backend(Path fileOrFolder, Options options) {
        try (FirstOpening opening = FirstOpening.of(fileOrFolder, options)) {
            OnnxFile file = opening.file();
            Optional<FileTokenizer> tokenizer =
                    FileTokenizer.beside(file.source()); // takes a while, like what is awaited
            TurnedWeights turned = OnnxBackend.turned(file, options); // so does this, once
            opening.await();
            Structure structure = Structure.of(
                    file, () -> RuntimeEnvironment.get(options.threads()).ort());
            return new OnnxBackend(
                    file,
                    new ModelGraph(structure.unfused()),
                    () -> new ModelGraph(structure.byHead()),
                    new FileWiring(structure),
                    turned,
                    options,
                    tokenizer);
        }
    }

    @Override
    public Backend backend() {
        return backend;
    }

    @Override
    public void close() {
        backend.close();
    }
}
