package dev.sonde.remote.server;

import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Who may use the service. Holds hashes only; a key itself is neither kept nor logged. */
final class ApiKeys {
    /** The name of everyone, where no keys are asked for. */
    static final String ANYONE = "";

    private record Entry(String name, String hash) {}

    private final @Nullable List<Entry> entries;

    private ApiKeys(@Nullable List<Entry> entries) {
        this.entries = entries;
    }

    static ApiKeys read(@Nullable Path file) {
        if (file == null) {
            return new ApiKeys(null);
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new SondeException("bad-keys", "Cannot read the key file '" + file + "'", e);
        }
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String[] parts = line.split("\\s+", -1);
            if (parts.length != 2 || !parts[1].matches("[0-9a-fA-F]{64}")) {
                throw new SondeException(
                        "bad-keys",
                        "Line " + (i + 1) + " of the key file '" + file
                                + "' is not a name and the key's sha256 in 64 hex digits");
            }
            entries.add(new Entry(parts[0], parts[1].toLowerCase(Locale.ROOT)));
        }
        return new ApiKeys(entries);
    }

    /**
     * Returns the name of the key's holder.
     *
     * @param authorization the header {@code Authorization}
     */
    String holder(@Nullable String authorization) {
        if (entries == null) {
            return ANYONE;
        }
        if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            throw new Refusal(
                    401,
                    "wrong-key",
                    "This service asks for an API key in the header 'Authorization: Bearer KEY', and none came");
        }
        byte[] hash = bytes(Sha256.hex(bytes(authorization.substring(7).strip())));
        @Nullable String holder = null;
        for (Entry entry : entries) {
            // All are compared, each in constant time, so that the time taken tells nothing about the keys.
            if (MessageDigest.isEqual(bytes(entry.hash()), hash)) {
                holder = entry.name();
            }
        }
        if (holder == null) {
            throw new Refusal(401, "wrong-key", "This service does not know the API key that came with the request");
        }
        return holder;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
