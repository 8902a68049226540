package dev.sonde.onnx.run;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Direct memory in which one run's inputs lie. It is used again: Java takes longer to make direct memory, and to free it, than
 * ONNX Runtime to read it.
 */
final class Staging implements AutoCloseable {
    private static final int BYTES = 1 << 20;
    private static final int ALIGNMENT = 64;
    private static final int MOST_IDLE = 8;
    private static final Deque<ByteBuffer> IDLE = new ConcurrentLinkedDeque<>();

    private final ByteBuffer memory;

    Staging() {
        ByteBuffer idle = IDLE.poll();
        this.memory = idle == null ? ByteBuffer.allocateDirect(BYTES) : idle;
    }

    /** Returns memory of that size, little-endian as all that ONNX Runtime runs on; what is too large is made anew. */
    ByteBuffer take(int bytes) {
        int start = (memory.position() + ALIGNMENT - 1) & -ALIGNMENT;
        if (start + bytes > memory.capacity()) {
            return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
        }
        memory.position(start + bytes);
        return memory.slice(start, bytes).order(ByteOrder.nativeOrder());
    }

    /** Says that what was taken is not needed any more. */
    void clear() {
        memory.clear();
    }

    @Override
    public void close() {
        clear();
        if (IDLE.size() < MOST_IDLE) {
            IDLE.push(memory);
        }
    }
}
