package dev.sonde;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A safetensors file: named tensors and a map of texts. The format is a little-endian length, a JSON header and the
 * tensors' bytes (Hugging Face, "safetensors", format description).
 *
 * <p>Axis names and row lengths are kept in the texts under {@code sonde.axes} and {@code sonde.lengths}; other readers
 * pass over them.
 *
 * @param tensors by name
 * @param metadata texts by name
 */
public record Safetensors(Map<String, Tensor> tensors, Map<String, String> metadata) {
    private static final String AXES = "sonde.axes";
    private static final String LENGTHS = "sonde.lengths";
    private static final int PIECE = 1 << 20;

    /** Copies its maps. */
    public Safetensors {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    }

    /** Returns the file's bytes; equal content gives equal bytes. */
    public byte[] toBytes() {
        byte[] head = header();
        long size = tensors.values().stream()
                .mapToLong(tensor -> tensor.bytes().remaining())
                .sum();
        ByteBuffer out =
                ByteBuffer.allocate(Math.toIntExact(8 + head.length + size)).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(head.length).put(head);
        new TreeMap<>(tensors).values().forEach(tensor -> out.put(tensor.bytes()));
        return out.array();
    }

    /** Writes the file's bytes piece by piece, without a copy of the whole; it may be larger than 2 GiB. */
    public void writeTo(WritableByteChannel channel) throws IOException {
        byte[] head = header();
        ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        write(length.putLong(head.length).flip(), channel);
        write(ByteBuffer.wrap(head), channel);
        for (Tensor tensor : new TreeMap<>(tensors).values()) {
            write(tensor.bytes(), channel);
        }
    }

    /** A channel copies what it is given into memory of its own, so it is given little at a time. */
    private static void write(ByteBuffer bytes, WritableByteChannel channel) throws IOException {
        while (bytes.hasRemaining()) {
            ByteBuffer piece = bytes.slice(bytes.position(), Math.min(PIECE, bytes.remaining()));
            bytes.position(bytes.position() + channel.write(piece));
        }
    }

    private byte[] header() {
        JsonObject header = new JsonObject();
        JsonObject axes = new JsonObject();
        JsonObject lengths = new JsonObject();
        JsonObject entries = new JsonObject();
        long offset = 0;
        Map<String, Tensor> sorted = new TreeMap<>(tensors);
        for (Map.Entry<String, Tensor> each : sorted.entrySet()) {
            Tensor tensor = each.getValue();
            JsonObject entry = new JsonObject();
            entry.addProperty("dtype", tensor.dtype().safetensorsName());
            entry.add("shape", numbers(tensor.shape()));
            long end = offset + tensor.bytes().remaining();
            entry.add("data_offsets", numbers(offset, end));
            offset = end;
            entries.add(each.getKey(), entry);
            if (tensor.names().stream().anyMatch(name -> !name.isEmpty())) {
                axes.addProperty(each.getKey(), String.join(",", tensor.names()));
            }
            if (tensor.isRagged()) {
                lengths.add(each.getKey(), numbers(tensor.rowLengths()));
            }
        }
        JsonObject texts = new JsonObject();
        new TreeMap<>(metadata).forEach(texts::addProperty);
        if (axes.size() > 0) {
            texts.addProperty(AXES, axes.toString());
        }
        if (lengths.size() > 0) {
            texts.addProperty(LENGTHS, lengths.toString());
        }
        header.add("__metadata__", texts);
        entries.entrySet().forEach(entry -> header.add(entry.getKey(), entry.getValue()));
        StringBuilder json = new StringBuilder(header.toString());
        int missing = -json.toString().getBytes(StandardCharsets.UTF_8).length & 7;
        json.append(" ".repeat(missing));
        return json.toString().getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Reads a file's bytes; tensors are views of them.
     *
     * @param where what to call the bytes in errors, such as a file name
     * @throws SondeException {@code bad-safetensors} if they are no such file, whatever the damage
     */
    public static Safetensors read(ByteBuffer bytes, String where) {
        try {
            return parse(bytes.slice().order(ByteOrder.LITTLE_ENDIAN));
        } catch (JsonParseException
                | IllegalStateException
                | IllegalArgumentException
                | NullPointerException
                | ClassCastException
                | IndexOutOfBoundsException
                | UnsupportedOperationException
                | ArithmeticException
                | StackOverflowError
                | SondeException e) {
            String reason = e instanceof SondeException sonde ? sonde.problem() : e.getMessage();
            throw new SondeException("bad-safetensors", "'" + where + "' is not a safetensors file: " + reason, e);
        }
    }

    private static Safetensors parse(ByteBuffer file) {
        long length = file.remaining() < 8 ? -1 : file.getLong(0);
        if (length < 2 || length > file.remaining() - 8) {
            throw new IllegalArgumentException("its header claims " + length + " bytes of " + file.remaining());
        }
        byte[] head = new byte[(int) length];
        file.get(8, head);
        JsonObject header =
                JsonParser.parseString(new String(head, StandardCharsets.UTF_8)).getAsJsonObject();
        Map<String, String> texts = new LinkedHashMap<>();
        JsonElement given = header.remove("__metadata__");
        if (given != null) {
            given.getAsJsonObject()
                    .entrySet()
                    .forEach(e -> texts.put(e.getKey(), e.getValue().getAsString()));
        }
        String axesText = texts.remove(AXES);
        String lengthsText = texts.remove(LENGTHS);
        JsonObject axes = axesText == null
                ? new JsonObject()
                : JsonParser.parseString(axesText).getAsJsonObject();
        JsonObject lengths = lengthsText == null
                ? new JsonObject()
                : JsonParser.parseString(lengthsText).getAsJsonObject();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> each : header.entrySet()) {
            JsonObject entry = each.getValue().getAsJsonObject();
            long[] offsets = numbers(entry.getAsJsonArray("data_offsets"));
            int start = Math.toIntExact(8 + length + offsets[0]);
            int size = Math.toIntExact(offsets[1] - offsets[0]);
            if (offsets[0] < 0 || size < 0) {
                throw new IllegalArgumentException(
                        "tensor '" + each.getKey() + "' has offsets " + offsets[0] + ".." + offsets[1]);
            }
            List<String> names = axes.has(each.getKey())
                    ? List.of(axes.get(each.getKey()).getAsString().split(",", -1))
                    : List.of();
            Tensor tensor = Tensor.wrap(
                    DType.parse(entry.get("dtype").getAsString()),
                    numbers(entry.getAsJsonArray("shape")),
                    names,
                    file.slice(start, size));
            if (lengths.has(each.getKey())) {
                tensor = tensor.withRowLengths(numbers(lengths.getAsJsonArray(each.getKey())));
            }
            tensors.put(each.getKey(), tensor);
        }
        return new Safetensors(tensors, texts);
    }

    private static JsonArray numbers(long... numbers) {
        JsonArray array = new JsonArray();
        for (long number : numbers) {
            array.add(number);
        }
        return array;
    }

    private static long[] numbers(JsonArray array) {
        List<Long> numbers = new ArrayList<>();
        array.forEach(each -> numbers.add(each.getAsLong()));
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }
}
