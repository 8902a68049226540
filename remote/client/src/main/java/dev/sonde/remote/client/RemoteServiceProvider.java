package dev.sonde.remote.client;

import com.google.auto.service.AutoService;
import dev.sonde.spi.Backend;
import dev.sonde.spi.ServiceProvider;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/** Lets generated runners reach models of a service over HTTP. */
@AutoService(ServiceProvider.class)
public final class RemoteServiceProvider implements ServiceProvider {
    /** For the service loader. */
    public RemoteServiceProvider() {}

    @Override
    public Backend connect(URI uri, @Nullable String key, String model) {
        SondeService service = SondeService.connect(uri, key);
        try {
            return service.backend(model, service::close);
        } catch (RuntimeException e) {
            service.close();
            throw e;
        }
    }
}
