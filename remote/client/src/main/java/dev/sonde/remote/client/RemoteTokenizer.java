package dev.sonde.remote.client;

import dev.sonde.chat.ChatTemplate;
import dev.sonde.remote.protocol.IdsBody;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.TextBody;
import dev.sonde.remote.protocol.TextFacts;
import dev.sonde.spi.Tokenizer;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Asks the service. */
final class RemoteTokenizer implements Tokenizer {
    private final Http http;
    private final String model;
    private @Nullable TextFacts facts;

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
    public List<Long> endTokens() {
        return facts().endTokens();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return facts().template();
    }

    private synchronized TextFacts facts() {
        TextFacts known = facts;
        if (known == null) {
            known = http.get(http.at(Protocol.MODELS, model, "texts").build(), TextFacts.class);
            facts = known;
        }
        return known;
    }

    private long[] ids(TextBody body) {
        return http.post(http.at(Protocol.MODELS, model, "tokens").build(), body, IdsBody.class)
                .toArray();
    }
}
