package dev.sonde.remote.client;

import dev.sonde.remote.protocol.DistantTokenizer;
import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.TextBody;
import dev.sonde.remote.protocol.TextFacts;

/** Asks the service. */
final class RemoteTokenizer extends DistantTokenizer {
    private final Http http;
    private final String model;

    RemoteTokenizer(Http http, String model) {
        this.http = http;
        this.model = model;
    }

    @Override
    public long[] encode(String text) {
        return ids(new TextBody(text, false));
    }

    @Override
    public long[] encodePlain(String text) {
        return ids(new TextBody(text, true));
    }

    @Override
    public String decode(long... ids) {
        return http.post(http.at(Protocol.MODELS, model, "text").build(), IdsBody.of(ids), TextBody.class)
                .text();
    }

    @Override
    protected TextFacts askFacts() {
        return http.get(http.at(Protocol.MODELS, model, "texts").build(), TextFacts.class);
    }

    private long[] ids(TextBody body) {
        return http.post(http.at(Protocol.MODELS, model, "tokens").build(), body, IdsBody.class)
                .toArray();
    }
}
