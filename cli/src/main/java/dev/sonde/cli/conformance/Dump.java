package dev.sonde.cli.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Collects what one file answered and writes it down, so that others can judge the numbers. */
final class Dump {
    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    private final Map<String, Tensor> values = new LinkedHashMap<>();
    private final JsonObject status = new JsonObject();

    void add(Case one, Outcome outcome) {
        outcome.values().forEach((name, tensor) -> values.put(one.name() + "/" + name, tensor));
        JsonObject entry = new JsonObject();
        entry.addProperty("status", outcome.state().name().toLowerCase(Locale.ROOT));
        entry.addProperty("message", outcome.detail());
        status.add(one.name(), entry);
    }

    /** Writes {@code values.safetensors} and {@code status.json} into {@code folder}. */
    void write(Path folder) {
        try {
            Files.createDirectories(folder);
            Files.write(folder.resolve("values.safetensors"), new Safetensors(values, Map.of()).toBytes());
            Files.writeString(folder.resolve("status.json"), GSON.toJson(status) + "\n");
        } catch (IOException e) {
            throw new SondeException("cannot-write", "Cannot write the dump into '" + folder + "': " + e, e);
        }
    }
}
