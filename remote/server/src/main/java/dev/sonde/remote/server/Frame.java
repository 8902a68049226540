package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Json;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * One message between server and worker: two lengths of four bytes, a JSON header and a payload.
 *
 * @param header what it says
 * @param payload a graph, results, or nothing
 */
record Frame(WorkerMessage header, ByteBuffer payload) {
    private static final int LARGEST_HEADER = 256 << 20;

    static Frame of(WorkerMessage header) {
        return new Frame(header, ByteBuffer.allocate(0));
    }

    static Frame of(WorkerMessage header, byte[] payload) {
        return new Frame(header, ByteBuffer.wrap(payload));
    }

    void write(DataOutputStream out) throws IOException {
        byte[] head = Json.write(header).getBytes(StandardCharsets.UTF_8);
        out.writeInt(head.length);
        out.writeInt(payload.remaining());
        out.write(head);
        out.write(payload.array(), payload.arrayOffset() + payload.position(), payload.remaining());
        out.flush();
    }

    /** Returns the next frame, or null at the stream's end. */
    static @Nullable Frame read(DataInputStream in) throws IOException {
        int length;
        try {
            length = in.readInt();
        } catch (EOFException e) {
            return null;
        }
        int payload = in.readInt();
        if (length < 0 || length > LARGEST_HEADER || payload < 0) {
            throw new IOException("a frame claims " + length + " and " + payload + " bytes");
        }
        byte[] head = bytes(in, length);
        byte[] body = bytes(in, payload);
        try {
            return of(Json.read(new String(head, StandardCharsets.UTF_8), WorkerMessage.class), body);
        } catch (SondeException e) {
            throw new IOException("a frame's header is no message", e);
        }
    }

    private static byte[] bytes(DataInputStream in, int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("a frame ends early");
        }
        return bytes;
    }
}
