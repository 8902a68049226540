package dev.sonde.cli;

import dev.sonde.Model;
import dev.sonde.SondeException;
import dev.sonde.spi.Backend;
import dev.sonde.spi.BackendProvider;
import java.nio.file.Path;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * A model that an engine on the class path opened.
 *
 * @param backend the engine's; closed with the model
 */
record LocalModel(Backend backend) implements Model {
    /**
     * Opens a folder or file.
     *
     * @throws SondeException {@code no-backend} if no engine knows that sort of model, or why it cannot be opened
     */
    static LocalModel open(Path fileOrFolder) {
        for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
            Optional<Backend> backend = provider.open(fileOrFolder);
            if (backend.isPresent()) {
                return new LocalModel(backend.get());
            }
        }
        throw new SondeException("no-backend", "'" + fileOrFolder + "' is not a model that any engine here can open");
    }

    @Override
    public void close() {
        backend.close();
    }
}
