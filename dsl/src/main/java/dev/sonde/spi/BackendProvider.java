package dev.sonde.spi;

import java.nio.file.Path;
import java.util.Optional;

/** Opens models of one sort; found by {@link java.util.ServiceLoader}, so that a runner needs to know no engine. */
public interface BackendProvider {
    /** Returns the model in that folder or file, or empty if it is not of this provider's sort. */
    Optional<Backend> open(Path fileOrFolder);
}
