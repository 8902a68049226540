package dev.sonde.data;

import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.GraphFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Keeps the results of whole groups of rows, and knows which experiment each came from. */
final class Journal {
    private final Path folder;

    Journal(Path folder) {
        this.folder = folder;
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw RowStore.unwritable(folder, e);
        }
    }

    /**
     * Returns the results of a group if they are there.
     *
     * @throws SondeException {@code other-journal} if those rows were given by another experiment
     */
    Optional<List<RowResult>> find(Batch batch) {
        Path file = Shard.file(folder, batch.first());
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Shard shard = Shard.read(file);
        if (shard.rows() != batch.rows() || !shard.experiment().equals(hash(batch))) {
            throw new SondeException(
                    "other-journal",
                    "'" + file + "' has results of " + shard.rows() + " rows from row " + shard.first()
                            + " on, of another experiment: expected " + batch.rows()
                            + " rows of this one. Data set, model, body and rows at once must be as they were; else"
                            + " give another folder");
        }
        return Optional.of(shard.results());
    }

    List<RowResult> keep(Batch batch, List<RowResult> results, Map<String, String> provenance) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        results.forEach(row -> row.values().forEach((name, value) -> tensors.put(row.index() + "/" + name, value)));
        Map<String, String> facts = new LinkedHashMap<>(provenance);
        facts.put(Shard.FIRST, Long.toString(batch.first()));
        facts.put(Shard.ROWS, Integer.toString(batch.rows()));
        facts.put(Shard.MODEL, batch.graph().model());
        facts.put(Shard.EXPERIMENT, hash(batch));
        Shard.write(Shard.file(folder, batch.first()), new Safetensors(tensors, facts));
        return results;
    }

    /** Functions in Java have no form that lasts; such an experiment is known by its text. */
    private static String hash(Batch batch) {
        byte[] form;
        try {
            form = GraphFile.write(batch.graph());
        } catch (SondeException notPortable) {
            form = batch.graph().toString().getBytes(StandardCharsets.UTF_8);
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(form));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
