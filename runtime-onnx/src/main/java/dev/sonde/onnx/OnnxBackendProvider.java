package dev.sonde.onnx;

import com.google.auto.service.AutoService;
import dev.sonde.spi.Backend;
import dev.sonde.spi.BackendProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Lets runners and the command line open ONNX files without naming this engine. */
@AutoService(BackendProvider.class)
public final class OnnxBackendProvider implements BackendProvider {
    /** For {@link java.util.ServiceLoader}. */
    public OnnxBackendProvider() {}

    @Override
    public Optional<Backend> open(Path fileOrFolder) {
        boolean ours =
                Files.isDirectory(fileOrFolder) || fileOrFolder.toString().endsWith(".onnx");
        return ours
                ? Optional.of(OnnxModel.backend(fileOrFolder, Options.builder().build()))
                : Optional.empty();
    }
}
