package dev.sonde.spi;

import java.net.URI;
import org.jspecify.annotations.Nullable;

/** Reaches models of a shared service; found by {@link java.util.ServiceLoader}, so that a runner needs to know no HTTP. */
public interface ServiceProvider {
    /**
     * Returns a model of the service.
     *
     * @param uri where the service listens
     * @param key the caller's API key, if the service asks for one
     * @param model the name that the service gives the model
     * @throws dev.sonde.SondeException if the service cannot be reached, refuses the key, or has no such model
     */
    Backend connect(URI uri, @Nullable String key, String model);
}
