package dev.sonde.onnx.file;

import dev.sonde.SondeException;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The cache folder: {@code <sha256>/} per model, complete or absent, and {@code index/} from paths to hashes.
 *
 * <p>An entry is written beside its place and renamed, so that of two processes that read in the same model one wins and the
 * other takes its result. Nothing in an entry ever changes.
 */
final class ModelCache {
    /** Raised when what is written here changes meaning; older entries are then made anew. */
    static final int FORMAT = 1;

    static final String SKELETON = "skeleton.pb";
    private static final String FACTS = "facts.properties";
    /** A file that changed this recently may change again without its times showing it. */
    private static final long SETTLED_MILLIS = 2000;

    private static final String PART = ".part-";
    private static final Duration ABANDONED = Duration.ofDays(1);

    private final Path folder;

    ModelCache(Path folder) {
        this.folder = folder.toAbsolutePath();
    }

    Path entry(String sha256, String variant) {
        return folder.resolve(sha256 + variant);
    }

    /** Returns the hash of a file that was read in before and has not changed since, nor its external data. */
    Optional<String> knownHash(Path file) {
        try {
            Properties index = load(indexFile(file));
            if (!FileStamp.of(file).text().equals(index.getProperty("stamp"))) {
                return Optional.empty();
            }
            for (int i = 0; index.containsKey("external." + i); i++) {
                Path external = file.resolveSibling(index.getProperty("external." + i));
                if (!FileStamp.of(external).text().equals(index.getProperty("external." + i + ".stamp"))) {
                    return Optional.empty();
                }
            }
            return Optional.ofNullable(index.getProperty("sha256"));
        } catch (IOException | IllegalArgumentException unknown) {
            return Optional.empty();
        }
    }

    /** Remembers the hash of files whose stamps were taken before they were read. */
    void remember(Path file, String sha256, Map<String, Path> externals, Map<Path, FileStamp> before)
            throws IOException {
        long settled = System.currentTimeMillis() - SETTLED_MILLIS;
        Properties index = new Properties();
        index.setProperty("path", file.toString());
        index.setProperty("sha256", sha256);
        index.setProperty("stamp", FileStamp.of(file).text());
        Map<String, Path> all = new LinkedHashMap<>(externals);
        int i = 0;
        for (Map.Entry<String, Path> external : externals.entrySet()) {
            index.setProperty("external." + i, external.getKey());
            index.setProperty(
                    "external." + i + ".stamp",
                    FileStamp.of(external.getValue()).text());
            i++;
        }
        all.put("", file);
        for (Path each : all.values()) {
            FileStamp now = FileStamp.of(each);
            if (!now.equals(before.get(each)) || now.modifiedMillis() > settled) {
                return;
            }
        }
        Path target = indexFile(file);
        Files.createDirectories(folder.resolve("index"));
        Path temporary = target.resolveSibling(target.getFileName() + "." + UUID.randomUUID());
        store(index, temporary);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path indexFile(Path file) {
        return folder.resolve("index")
                .resolve(Hashes.of(file.toString().getBytes(StandardCharsets.UTF_8))
                                .substring(0, 32) + ".properties");
    }

    /** Returns the facts of a complete entry. */
    Optional<Properties> facts(Path entry) {
        try {
            Properties facts = load(entry.resolve(FACTS));
            boolean whole = Integer.toString(FORMAT).equals(facts.getProperty("format"))
                    && hasSize(entry.resolve(SKELETON), facts.getProperty("skeleton.bytes"))
                    && hasSize(entry.resolve(WeightsFile.NAME), facts.getProperty("weights.bytes"));
            return whole ? Optional.of(facts) : Optional.empty();
        } catch (IOException | IllegalArgumentException none) {
            return Optional.empty();
        }
    }

    private static boolean hasSize(Path file, String bytes) throws IOException {
        return Long.toString(Files.exists(file) ? Files.size(file) : 0).equals(bytes);
    }

    Path newEntry(String sha256) throws IOException {
        Files.createDirectories(folder);
        clean();
        return Files.createDirectory(folder.resolve(sha256 + PART + UUID.randomUUID()));
    }

    /** Removes what processes left that were ended while they read a model in. */
    private void clean() throws IOException {
        Instant old = Instant.now().minus(ABANDONED);
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry :
                    entries.filter(each -> each.toString().contains(PART)).toList()) {
                if (Files.exists(entry)
                        && Files.getLastModifiedTime(entry).toInstant().isBefore(old)) {
                    discard(entry);
                }
            }
        }
    }

    /** Completes an entry: after this it is there, made by us or by another process. */
    void commit(Path part, Path entry, Properties facts) throws IOException {
        facts.setProperty("format", Integer.toString(FORMAT));
        facts.setProperty("skeleton.bytes", Long.toString(Files.size(part.resolve(SKELETON))));
        Path weights = part.resolve(WeightsFile.NAME);
        facts.setProperty("weights.bytes", Long.toString(Files.exists(weights) ? Files.size(weights) : 0));
        store(facts, part.resolve(FACTS));
        for (int attempt = 0; ; attempt++) {
            try {
                Files.move(part, entry, StandardCopyOption.ATOMIC_MOVE);
                return;
            } catch (IOException taken) {
                if (facts(entry).isPresent()) {
                    discard(part);
                    return;
                }
                if (attempt == 3 || !Files.exists(entry)) {
                    throw taken;
                }
                discard(entry); // of an older format, or damaged
            }
        }
    }

    static void discard(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> all =
                    new ArrayList<>(files.sorted(Comparator.reverseOrder()).toList());
            for (Path file : all) {
                Files.deleteIfExists(file);
            }
        } catch (NoSuchFileException gone) {
            // another process was faster
        } catch (IOException left) {
            // what is left is never read: its name is not that of an entry, or its facts do not fit
        }
    }

    SondeException unwritable(IOException cause) {
        return new SondeException(
                "cache-unwritable",
                "Cannot keep the model in the cache folder: expected to write to '" + folder + "' but was "
                        + cause.getClass().getSimpleName() + ": " + cause.getMessage(),
                cause);
    }

    private static Properties load(Path file) throws IOException {
        Properties properties = new Properties();
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        return properties;
    }

    private static void store(Properties properties, Path file) throws IOException {
        try (BufferedWriter writer = Files.newBufferedWriter(file)) {
            properties.store(writer, null);
        }
    }
}
