package dev.sonde.remote.server;

import dev.sonde.spi.Backend;
import dev.sonde.spi.BackendProvider;
import java.nio.file.Path;
import java.util.Optional;

/** Opens an {@link EchoBackend} for every path that ends in {@code .echo}. */
public final class EchoProvider implements BackendProvider {
    @Override
    public Optional<Backend> open(Path fileOrFolder) {
        return fileOrFolder.toString().endsWith(".echo") ? Optional.of(new EchoBackend()) : Optional.empty();
    }
}
