package dev.sonde.onnx.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The one file that holds the weights of a model; written while the model is read in, then never again. */
final class WeightsFile implements AutoCloseable {
    static final String NAME = "weights.bin";

    private static final int PAGE = 4096;
    private static final int LINE = 64;
    private static final int PAGED = 64 << 10;

    private final Path file;
    private final FileChannel channel;
    private long end;

    private WeightsFile(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    static WeightsFile create(Path folder) throws IOException {
        Path file = folder.resolve(NAME);
        return new WeightsFile(
                file,
                FileChannel.open(
                        file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }

    /** Makes room for a tensor, at a page if it is large. */
    Weight.InFile allocate(long bytes) {
        long unit = bytes >= PAGED ? PAGE : LINE;
        long offset = (end + unit - 1) / unit * unit;
        end = offset + bytes;
        return new Weight.InFile(file, offset, bytes, null);
    }

    /** Maps room that was allocated, for writing; less than 2 GiB. */
    ByteBuffer mapForWriting(Weight.InFile room) throws IOException {
        return channel.map(FileChannel.MapMode.READ_WRITE, room.offset(), room.length())
                .order(ByteOrder.nativeOrder());
    }

    Weight append(Weight weight) throws IOException {
        if (isHere(weight)) {
            return weight;
        }
        Weight.InFile room = allocate(weight.size());
        weight.writeTo(channel, room.offset());
        return weight.at(room);
    }

    boolean isHere(Weight weight) {
        return weight.place() instanceof Weight.InFile in && in.file().equals(file);
    }

    long size() {
        return end;
    }

    @Override
    public void close() throws IOException {
        if (channel.size() < end) {
            channel.write(ByteBuffer.wrap(new byte[1]), end - 1);
        }
        channel.force(false); // an entry that is there must be whole, also after a power cut
        channel.close();
    }
}
