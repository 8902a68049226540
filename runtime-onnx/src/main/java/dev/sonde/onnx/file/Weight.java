package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.UnsafeByteOperations;
import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A constant tensor of the model and where its bytes lie while the model is read in. */
record Weight(String name, int type, List<Long> dims, Place place) {
    Weight {
        dims = List.copyOf(dims);
    }

    /** Where the bytes lie. */
    sealed interface Place permits InMemory, InFile, Text {}

    /** Little-endian, possibly mapped. */
    record InMemory(ByteBuffer bytes) implements Place {}

    /**
     * In a file beside the model (with the location its tensor gives), or in the new weights file (no location).
     */
    record InFile(
            Path file, long offset, long length, @Nullable String location) implements Place {}

    /** Strings, which have no bytes of a fixed size. */
    record Text(TensorProto tensor) implements Place {}

    long size() {
        return ElementTypes.bytes(type, ElementTypes.count(dims));
    }

    boolean isText() {
        return place instanceof Text;
    }

    boolean isBesideModel() {
        return place instanceof InFile in && in.location() != null;
    }

    Weight withName(String newName) {
        return new Weight(newName, type, dims, place);
    }

    Weight at(Place newPlace) {
        return new Weight(name, type, dims, newPlace);
    }

    /** Returns the bytes, little-endian; mapped, not read, where they lie in a file. */
    ByteBuffer bytes() {
        if (place instanceof InMemory memory) {
            return memory.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        }
        if (place instanceof InFile in) {
            return map(in.file(), in.offset(), in.length());
        }
        throw new IllegalStateException("strings have no bytes: " + name);
    }

    void writeTo(FileChannel target, long position) throws IOException {
        if (place instanceof InFile in) {
            try (FileChannel source = FileChannel.open(in.file(), StandardOpenOption.READ)) {
                target.position(position);
                long done = 0;
                while (done < in.length()) {
                    long moved = source.transferTo(in.offset() + done, in.length() - done, target);
                    if (moved <= 0) {
                        throw new IOException(in.file() + " ended early");
                    }
                    done += moved;
                }
            }
        } else {
            ByteBuffer bytes = bytes();
            long at = position;
            while (bytes.hasRemaining()) {
                at += target.write(bytes, at);
            }
        }
    }

    /** Returns this constant as an initialiser that carries its bytes. */
    TensorProto toInlineProto() {
        if (place instanceof Text text) {
            return text.tensor().toBuilder().setName(name).build();
        }
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(type)
                .addAllDims(dims)
                .setRawData(UnsafeByteOperations.unsafeWrap(bytes()))
                .build();
    }

    static ByteBuffer map(Path file, long offset, long length) {
        if (length > Integer.MAX_VALUE) {
            throw new SondeException(
                    "tensor-too-large",
                    "This tensor cannot be read as one buffer: expected less than 2 GiB but was " + length
                            + " bytes at offset " + offset + "\n    in " + file);
        }
        if (length == 0) {
            return ByteBuffer.allocate(0).order(ByteOrder.LITTLE_ENDIAN);
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() < offset + length) {
                throw new SondeException(
                        "external-data-missing",
                        "The weights file is shorter than when the model was opened: expected at least "
                                + (offset + length) + " bytes but was " + channel.size() + "\n    in " + file);
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException unreadable) {
            throw new SondeException(
                    "external-data-missing",
                    "Cannot read " + length + " bytes of weights at offset " + offset + ": " + unreadable.getMessage()
                            + "\n    in " + file,
                    unreadable);
        }
    }
}
