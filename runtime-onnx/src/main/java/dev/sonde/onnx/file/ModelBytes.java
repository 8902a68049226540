package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/** Parses a model over its mapped bytes: the raw data of tensors stays in the page cache, off the heap. */
final class ModelBytes {
    /** Wire types of ModelProto's fields, up to IR version 13. */
    private static final Map<Integer, Integer> FIELDS = Map.ofEntries(
            Map.entry(1, 0),
            Map.entry(2, 2),
            Map.entry(3, 2),
            Map.entry(4, 2),
            Map.entry(5, 0),
            Map.entry(6, 2),
            Map.entry(7, 2),
            Map.entry(8, 2),
            Map.entry(14, 2),
            Map.entry(20, 2),
            Map.entry(25, 2),
            Map.entry(26, 2));

    private static final int GRAPH = 7;
    /** Far beyond any export; a file of millions of empty messages would need fifty times its size as objects. */
    private static final int MAX_ENTRIES = 2_000_000;

    private final Path file;
    private final ByteBuffer bytes;
    private boolean sawVersion;
    private int entries;

    private ModelBytes(Path file, ByteBuffer bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    static ModelProto parse(Path file) {
        return new ModelBytes(file, map(file)).parse();
    }

    private static ByteBuffer map(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size == 0) {
                throw notOnnx(file, "an empty file");
            }
            if (size > Integer.MAX_VALUE) {
                throw Problems.in(
                        file,
                        "not-onnx",
                        "This cannot be one ONNX model: expected less than 2 GiB, the limit of protobuf (larger models keep"
                                + " their weights in external data), but was " + size + " bytes");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size);
        } catch (IOException unreadable) {
            throw Problems.in(file, "file-missing", "Cannot read the file: " + unreadable.getMessage(), unreadable);
        }
    }

    private ModelProto parse() {
        scan();
        CodedInputStream in = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
        in.enableAliasing(true);
        try {
            return ModelProto.parseFrom(in);
        } catch (InvalidProtocolBufferException damaged) {
            throw Problems.in(
                    file,
                    "damaged-file",
                    "The ONNX model is damaged: its outer fields are whole but an inner message is not ("
                            + damaged.getMessage() + ")",
                    damaged);
        } catch (IOException unreadable) {
            throw Problems.in(file, "file-missing", "Cannot read the file: " + unreadable.getMessage(), unreadable);
        }
    }

    /** Walks the outer fields, so that a cut file is told from a foreign one, and says where it ends. */
    private void scan() {
        long position = 0;
        while (position < bytes.limit()) {
            Varint tag = varint(position);
            int field = (int) (tag.value >>> 3);
            int wire = (int) (tag.value & 7);
            Integer expected = FIELDS.get(field);
            if (tag.value > Integer.MAX_VALUE
                    || field == 0
                    || (expected != null && expected != wire)
                    || (expected == null && (wire == 3 || wire == 4 || wire > 5))) {
                throw bad(position, "no field of an ONNX model starts at byte " + position);
            }
            position = switch (wire) {
                case 0 -> {
                    Varint value = varint(tag.next);
                    sawVersion |= field == 1 && value.value > 0 && value.value < 1000;
                    yield value.next;
                }
                case 1 -> within(position, tag.next, 8, field);
                case 5 -> within(position, tag.next, 4, field);
                default -> {
                    Varint length = varint(tag.next);
                    long end = within(position, length.next, length.value, field);
                    if (field == GRAPH) {
                        countEntries(length.next, end);
                    }
                    yield end;
                }
            };
        }
    }

    private void countEntries(long start, long end) {
        long position = start;
        while (position < end) {
            Varint tag = varint(position);
            Varint value = varint(tag.next);
            int wire = (int) (tag.value & 7);
            if (wire == 2 && (value.value < 0 || value.value > end - value.next)) {
                return; // the parser reports it
            }
            position = wire == 2 ? value.next + value.value : wire == 0 ? value.next : end;
            entries++;
        }
        if (entries > MAX_ENTRIES) {
            throw Problems.in(
                    file,
                    "damaged-file",
                    "The graph has too many entries: expected at most " + MAX_ENTRIES
                            + " nodes, weights and value notes but" + " was " + entries);
        }
    }

    private long within(long fieldStart, long start, long length, int field) {
        if (length < 0 || length > bytes.limit() - start) {
            throw bad(
                    fieldStart,
                    "field " + field + (field == GRAPH ? " (the graph)" : "") + " at byte " + fieldStart + " needs "
                            + (length < 0 ? "more than 2^63" : length) + " bytes but " + (bytes.limit() - start)
                            + " are left");
        }
        return start + length;
    }

    private SondeException bad(long position, String what) {
        String magic = magic();
        if (position > 0 && sawVersion && magic.isEmpty()) {
            return Problems.in(
                    file,
                    "truncated",
                    "The ONNX model is cut short or damaged: " + what + "; the file has " + bytes.limit() + " bytes");
        }
        return notOnnx(file, magic.isEmpty() ? "something else: " + what : magic);
    }

    private record Varint(long value, long next) {}

    private Varint varint(long position) {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            long at = position + shift / 7;
            if (at >= bytes.limit()) {
                throw bad(position, "the number at byte " + position + " is not whole");
            }
            byte b = bytes.get((int) at);
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return new Varint(value, at + 1);
            }
        }
        throw bad(position, "the number at byte " + position + " has more than ten digits");
    }

    static SondeException notOnnx(Path file, String was) {
        return Problems.in(
                file, "not-onnx", "This is not an ONNX model: expected a protobuf ModelProto but was " + was);
    }

    /** Names what people hand in by mistake. */
    private String magic() {
        byte[] head = new byte[Math.min(64, bytes.limit())];
        bytes.get(0, head);
        String text = new String(head, StandardCharsets.ISO_8859_1);
        if (text.startsWith("\u0089PNG")) {
            return "a PNG image";
        } else if (text.startsWith("version https://git-lfs")) {
            return "a Git LFS pointer: the model itself was not fetched (git lfs pull)";
        } else if (text.startsWith("PK\u0003\u0004")) {
            return "a ZIP archive (PyTorch checkpoints are; export the model to ONNX)";
        } else if (text.startsWith("GGUF")) {
            return "a GGUF file (weights of llama.cpp, not a graph)";
        } else if (text.startsWith("\u0089HDF")) {
            return "an HDF5 file";
        } else if (text.length() > 8 && text.startsWith("{\"", 8)) {
            return "a safetensors file (weights, not a graph)";
        } else if (text.startsWith("<")) {
            return "a page of HTML or XML";
        } else if (text.chars().allMatch(c -> c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c < 0x7f))) {
            return "text";
        }
        return "";
    }
}
