package dev.sonde.remote.protocol;

import java.util.List;

/**
 * How a service is doing.
 *
 * @param protocol newest protocol version that it speaks
 * @param queued jobs that wait
 * @param running jobs under way
 * @param models what it offers
 */
public record ServiceStatus(int protocol, int queued, int running, List<ModelEntry> models) {
    /** Copies its list. */
    public ServiceStatus {
        models = List.copyOf(models);
    }
}
