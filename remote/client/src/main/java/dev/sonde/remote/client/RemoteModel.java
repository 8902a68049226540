package dev.sonde.remote.client;

import dev.sonde.Model;
import dev.sonde.spi.Backend;

/** A model on a service. */
record RemoteModel(Backend backend) implements Model {
    @Override
    public void close() {
        backend.close();
    }
}
