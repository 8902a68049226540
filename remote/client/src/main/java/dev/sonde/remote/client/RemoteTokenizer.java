package dev.sonde.remote.client;

import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.TextBody;
import dev.sonde.spi.Tokenizer;

/** Asks the service. */
record RemoteTokenizer(Http http, String model) implements Tokenizer {
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

    private long[] ids(TextBody body) {
        return http.post(http.at(Protocol.MODELS, model, "tokens").build(), body, IdsBody.class)
                .toArray();
    }
}
