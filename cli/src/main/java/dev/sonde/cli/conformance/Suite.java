package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * One model's suite: its files, its cases and the tensors that they are held to.
 *
 * @param model the model's name
 * @param files its exports
 * @param cases what must be reproduced on each of them
 * @param reference inputs, constants and expected tensors by key
 */
public record Suite(String model, List<SuiteFile> files, List<Case> cases, Map<String, Tensor> reference) {
    private static final String FORMAT = "sonde-conformance/1";

    /** Copies its lists. */
    public Suite {
        files = List.copyOf(files);
        cases = List.copyOf(cases);
    }

    /**
     * Reads the suite in a folder, or all suites in its folders.
     *
     * @throws SondeException {@code bad-suite} if there is none
     */
    public static List<Suite> readAll(Path folder) {
        if (Files.isRegularFile(folder.resolve("cases.json")) || !Files.isDirectory(folder)) {
            return List.of(read(folder));
        }
        try (Stream<Path> inside = Files.list(folder)) {
            List<Path> suites = inside.filter(each -> Files.isRegularFile(each.resolve("cases.json")))
                    .sorted()
                    .toList();
            return suites.isEmpty()
                    ? List.of(read(folder))
                    : suites.stream().map(Suite::read).toList();
        } catch (IOException e) {
            throw new SondeException("bad-suite", "Cannot read the folder '" + folder + "': " + e, e);
        }
    }

    /**
     * Reads a folder with {@code cases.json} and {@code reference.safetensors}.
     *
     * @throws SondeException {@code bad-suite} if it is none
     */
    public static Suite read(Path folder) {
        Path file = folder.resolve("cases.json");
        try {
            JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            String format = json.get("format").getAsString();
            if (!format.equals(FORMAT)) {
                throw new SondeException(
                        "bad-suite", "'" + file + "' has format '" + format + "': expected '" + FORMAT + "'");
            }
            Path tensors = folder.resolve("reference.safetensors");
            return parse(
                    json,
                    folder,
                    Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(tensors)), tensors.toString())
                            .tensors());
        } catch (IOException e) {
            throw new SondeException("bad-suite", "Cannot read the suite in '" + folder + "': " + e, e);
        } catch (JsonParseException
                | IllegalStateException
                | NullPointerException
                | ClassCastException
                | UnsupportedOperationException
                | NumberFormatException e) {
            throw new SondeException(
                    "bad-suite", "'" + file + "' is not a suite of format '" + FORMAT + "': " + e.getMessage(), e);
        }
    }

    private static Suite parse(JsonObject json, Path folder, Map<String, Tensor> reference) {
        JsonObject model = json.getAsJsonObject("model");
        List<SuiteFile> files = new ArrayList<>();
        for (Map.Entry<String, JsonElement> each :
                model.getAsJsonObject("files").entrySet()) {
            JsonObject file = each.getValue().getAsJsonObject();
            files.add(new SuiteFile(
                    each.getKey(),
                    folder.resolve(file.get("path").getAsString()),
                    new LinkedHashSet<>(Json.list(file.get("lacks"), JsonElement::getAsString))));
        }
        List<Case> cases = Json.list(json.get("cases"), each -> Case.parse(each.getAsJsonObject()));
        return new Suite(model.get("name").getAsString(), files, cases, reference);
    }

    /** Returns the tensor that the suite keeps under {@code key}. */
    Tensor tensor(String key) {
        Tensor tensor = reference.get(key);
        if (tensor == null) {
            throw new SondeException("bad-suite", "Suite '" + model + "' has no tensor '" + key + "'");
        }
        return tensor;
    }
}
