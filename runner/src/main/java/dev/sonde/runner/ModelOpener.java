package dev.sonde.runner;

import dev.sonde.Model;
import dev.sonde.SondeException;
import dev.sonde.spi.Backend;
import dev.sonde.spi.BackendProvider;
import dev.sonde.spi.ServiceProvider;
import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** Finds the model that the options name. */
interface ModelOpener {
    /** Opens a folder or file, or a model of that name in one of {@code folders}. */
    Model open(String pathOrName, List<Path> folders);

    /** Opens a model of a service. */
    Model connect(URI service, @Nullable String apiKey, String name);

    /** Returns an opener that asks the backends on the class path. */
    static ModelOpener ofClassPath() {
        return new ModelOpener() {
            @Override
            public Model open(String pathOrName, List<Path> folders) {
                Path found = find(pathOrName, folders);
                List<String> asked = new ArrayList<>();
                for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
                    Optional<Backend> backend = provider.open(found);
                    if (backend.isPresent()) {
                        return new BackendModel(backend.get());
                    }
                    asked.add(provider.getClass().getName());
                }
                throw new SondeException(
                        "no-backend",
                        asked.isEmpty()
                                ? "No engine is on the class path to open '" + found + "'; add sonde-onnx"
                                : "'" + found + "' is not a model that any engine here can open; asked " + asked);
            }

            @Override
            public Model connect(URI service, @Nullable String apiKey, String name) {
                for (ServiceProvider provider : ServiceLoader.load(ServiceProvider.class)) {
                    return new BackendModel(provider.connect(service, apiKey, name));
                }
                throw new SondeException(
                        "no-backend", "No client is on the class path to reach " + service + "; add sonde-client");
            }
        };
    }

    /**
     * Returns the first of {@code pathOrName} itself and those under {@code folders} that exists.
     *
     * @throws SondeException {@code no-model} if there is none
     */
    static Path find(String pathOrName, List<Path> folders) {
        List<Path> tried = new ArrayList<>();
        try {
            tried.add(Path.of(pathOrName));
            folders.forEach(folder -> tried.add(folder.resolve(pathOrName)));
        } catch (InvalidPathException e) {
            throw new SondeException("no-model", "'" + pathOrName + "' is not a path: " + e.getReason(), e);
        }
        return tried.stream()
                .filter(Files::exists)
                .findFirst()
                .orElseThrow(() -> new SondeException(
                        "no-model",
                        "No model at '" + pathOrName + "': no such file or folder; tried " + tried
                                + ". Give its folder or .onnx file with --model, or name the folder that holds your "
                                + "models in the environment variable SONDE_MODELS"));
    }

    /** Returns the folders that the environment variable {@code SONDE_MODELS} names. */
    static List<Path> folders(@Nullable String variable) {
        List<Path> folders = new ArrayList<>();
        if (variable != null) {
            for (String folder : variable.split(File.pathSeparator, -1)) {
                if (!folder.isBlank()) {
                    folders.add(Path.of(folder));
                }
            }
        }
        return folders;
    }

    /**
     * A model that is nothing but its backend.
     *
     * @param backend closed with it
     */
    record BackendModel(Backend backend) implements Model {
        @Override
        public void close() {
            backend.close();
        }
    }
}
