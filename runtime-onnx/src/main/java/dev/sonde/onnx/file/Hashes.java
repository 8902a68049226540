package dev.sonde.onnx.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/** SHA-256 of models. */
final class Hashes {
    private static final long WHOLE = 1L << 30;
    private static final int SAMPLES = 1024;
    private static final int SAMPLE = 16 << 10;

    private Hashes() {}

    /**
     * Returns the hash of a model whose file has that hash; with external data, the hash of that and of their names, sizes and
     * content. Of external data of more than 1 GiB in all, 1024 evenly spread samples per file stand for the content.
     */
    static String ofModel(byte[] file, Map<String, Path> externals) throws IOException {
        if (externals.isEmpty()) {
            return HexFormat.of().formatHex(file);
        }
        MessageDigest all = sha256();
        all.update(file);
        long total = 0;
        for (Path external : externals.values()) {
            total += Files.size(external);
        }
        for (Map.Entry<String, Path> external : externals.entrySet()) {
            long size = Files.size(external.getValue());
            all.update((external.getKey() + "\n" + size + "\n").getBytes(StandardCharsets.UTF_8));
            update(all, external.getValue(), total <= WHOLE ? Long.MAX_VALUE : size / SAMPLES);
        }
        return hex(all);
    }

    /** Begins to hash a file while something else is done. */
    static Future<byte[]> begin(Path file) {
        FutureTask<byte[]> task = new FutureTask<>(() -> {
            MessageDigest digest = sha256();
            update(digest, file, Long.MAX_VALUE);
            return digest.digest();
        });
        Thread thread = new Thread(task, "sonde-hash");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    static String of(byte[] bytes) {
        MessageDigest digest = sha256();
        digest.update(bytes);
        return hex(digest);
    }

    /** Reads all, or 16 KiB at every {@code stride} bytes and the last 16 KiB. */
    private static void update(MessageDigest digest, Path file, long stride) throws IOException {
        boolean whole = stride == Long.MAX_VALUE;
        ByteBuffer buffer = ByteBuffer.allocateDirect(whole ? 1 << 20 : SAMPLE);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            long position = 0;
            while (position < size) {
                buffer.clear();
                int read = channel.read(buffer, position);
                if (read < 0) {
                    break;
                }
                digest.update(buffer.flip());
                position = whole ? position + read : Math.max(position + Math.max(read, stride), position + 1);
            }
            if (!whole && size > SAMPLE) {
                buffer.clear();
                if (channel.read(buffer, size - SAMPLE) > 0) {
                    digest.update(buffer.flip());
                }
            }
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}
