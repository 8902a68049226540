package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Jobs on disk: one folder a job, named by its id, with the graph, the record and, once there is one, the result. Files
 * appear whole or not at all, and are on the disk when a method returns.
 */
final class Journal {
    private static final System.Logger LOG = System.getLogger(Journal.class.getName());
    private static final Pattern ID = Pattern.compile("[0-9a-f]{32}");
    private static final String RECORD = "job.json";
    private static final String GRAPH = "graph.safetensors";
    private static final String RESULT = "result.safetensors";

    private final Path folder;

    Journal(Path data) {
        folder = data.resolve("jobs");
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SondeException("bad-data-folder", "Cannot keep jobs in '" + data + "'", e);
        }
    }

    /** Returns all jobs, in order of submission; what cannot be read is logged and left where it is. */
    List<JobRecord> load() {
        List<JobRecord> records = new ArrayList<>();
        try (Stream<Path> all = Files.list(folder)) {
            for (Path each : all.toList()) {
                if (ID.matcher(each.getFileName().toString()).matches()) {
                    load(each, records);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        records.sort(Comparator.comparingLong(JobRecord::sequence));
        return records;
    }

    private void load(Path each, List<JobRecord> records) {
        String id = each.getFileName().toString();
        if (!Files.exists(each.resolve(RECORD))) {
            // Its submission was cut short, so nobody was told of it.
            delete(id);
            return;
        }
        try {
            JobRecord found = Json.read(Files.readString(each.resolve(RECORD)), JobRecord.class);
            if (found.id().equals(id)) {
                records.add(found);
                return;
            }
            LOG.log(Level.WARNING, "job {0} is passed over: its record names another", id);
        } catch (IOException | SondeException e) {
            LOG.log(Level.WARNING, "job " + id + " is passed over: its record cannot be read", e);
        }
    }

    /** Keeps a graph; it becomes a job with the first {@link #record}. */
    void graph(String id, byte[] graph) {
        try {
            Files.createDirectory(at(id));
            write(at(id).resolve(GRAPH), graph);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Keeps what became of a job. */
    void record(JobRecord job) {
        try {
            write(at(job.id()).resolve(RECORD), Json.write(job).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    byte[] graph(String id) throws IOException {
        return Files.readAllBytes(at(id).resolve(GRAPH));
    }

    void result(String id, byte[] bytes) throws IOException {
        write(at(id).resolve(RESULT), bytes);
    }

    /** Returns where the result of that job is. */
    Path result(String id) {
        return at(id).resolve(RESULT);
    }

    /** Forgets a job. */
    void delete(String id) {
        try (Stream<Path> all = Files.list(at(id))) {
            // The record last: a job that is half gone after a crash is still a job and is deleted again.
            for (Path each : all.sorted(Comparator.comparing(file -> file.endsWith(RECORD)))
                    .toList()) {
                Files.deleteIfExists(each);
            }
            Files.deleteIfExists(at(id));
        } catch (IOException e) {
            LOG.log(Level.WARNING, "job " + id + " cannot be deleted", e);
        }
    }

    private Path at(String id) {
        if (!ID.matcher(id).matches()) {
            throw new IllegalArgumentException("no job id");
        }
        return folder.resolve(id);
    }

    private static void write(Path file, byte[] bytes) throws IOException {
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try (FileChannel channel = FileChannel.open(
                part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer left = ByteBuffer.wrap(bytes);
            while (left.hasRemaining()) {
                channel.write(left);
            }
            channel.force(true);
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
