package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/** Reads tensors in all forms that ONNX allows, and refuses those whose data do not fit their shape. */
final class TensorReader {
    private final Path file;
    private final ExternalFiles external;

    TensorReader(Path file, ExternalFiles external) {
        this.file = file;
        this.external = external;
    }

    Weight read(TensorProto tensor) {
        return read(tensor, tensor.getName());
    }

    Weight read(TensorProto tensor, String name) {
        int type = tensor.getDataType();
        if (!ElementTypes.isKnown(type)) {
            throw bad(name, "expected an element type of 1 to 26 but was " + type);
        }
        long count = ElementTypes.count(tensor.getDimsList());
        if (count < 0) {
            throw bad(
                    name,
                    "expected dimensions >= 0 whose product fits 63 bits but was "
                            + tensor.getDimsList().stream().limit(12).toList());
        }
        if (tensor.hasSegment()) {
            throw bad(name, "expected a whole tensor but was a segment of one");
        }
        if (type == ElementTypes.STRING) {
            requireCount(tensor, name, count, tensor.getStringDataCount());
            return new Weight(name, type, tensor.getDimsList(), new Weight.Text(tensor));
        }
        long bytes = ElementTypes.bytes(type, count);
        if (bytes < 0) {
            throw bad(name, "expected a size that fits 63 bits but was " + describe(tensor));
        }
        Weight.Place place = tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
                ? external.place(tensor, bytes)
                : new Weight.InMemory(inline(tensor, name, bytes));
        return new Weight(name, type, tensor.getDimsList(), place);
    }

    private ByteBuffer inline(TensorProto tensor, String name, long bytes) {
        if (tensor.hasRawData() && (!tensor.getRawData().isEmpty() || bytes == 0)) {
            if (tensor.getRawData().size() != bytes) {
                throw bad(
                        name,
                        "expected " + bytes + " bytes for " + describe(tensor) + " but was "
                                + tensor.getRawData().size());
            }
            return tensor.getRawData().asReadOnlyByteBuffer();
        }
        int type = tensor.getDataType();
        return switch (type) {
            case 1, 14 -> {
                ByteBuffer out = typed(tensor, name, bytes, tensor.getFloatDataCount(), 4);
                for (int i = 0; i < tensor.getFloatDataCount(); i++) {
                    out.putFloat(tensor.getFloatData(i));
                }
                yield out.flip();
            }
            case 11, 15 -> {
                ByteBuffer out = typed(tensor, name, bytes, tensor.getDoubleDataCount(), 8);
                for (int i = 0; i < tensor.getDoubleDataCount(); i++) {
                    out.putDouble(tensor.getDoubleData(i));
                }
                yield out.flip();
            }
            case 7 -> {
                ByteBuffer out = typed(tensor, name, bytes, tensor.getInt64DataCount(), 8);
                for (int i = 0; i < tensor.getInt64DataCount(); i++) {
                    out.putLong(tensor.getInt64Data(i));
                }
                yield out.flip();
            }
            case 12, 13 -> {
                int width = ElementTypes.bits(type) / 8;
                ByteBuffer out = typed(tensor, name, bytes, tensor.getUint64DataCount(), width);
                for (int i = 0; i < tensor.getUint64DataCount(); i++) {
                    put(out, tensor.getUint64Data(i), width);
                }
                yield out.flip();
            }
            default -> {
                int width = Math.max(1, ElementTypes.bits(type) / 8);
                ByteBuffer out = typed(tensor, name, bytes, tensor.getInt32DataCount(), width);
                for (int i = 0; i < tensor.getInt32DataCount(); i++) {
                    put(out, tensor.getInt32Data(i), width);
                }
                yield out.flip();
            }
        };
    }

    private ByteBuffer typed(TensorProto tensor, String name, long bytes, int entries, int width) {
        if ((long) entries * width != bytes) {
            throw bad(
                    name,
                    "expected " + bytes + " bytes for " + describe(tensor) + " but was " + (long) entries * width);
        }
        return ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void put(ByteBuffer out, long value, int width) {
        for (int i = 0; i < width; i++) {
            out.put((byte) (value >> (8 * i)));
        }
    }

    private void requireCount(TensorProto tensor, String name, long expected, int was) {
        if (expected != was) {
            throw bad(name, "expected " + expected + " values for " + describe(tensor) + " but was " + was);
        }
    }

    private RuntimeException bad(String name, String what) {
        return Problems.in(file, "bad-initializer", "Bad data of initialiser '" + name + "': " + what);
    }

    /** Returns for example {@code float32[64, 256]}. */
    static String describe(TensorProto tensor) {
        return describe(tensor.getDataType(), tensor.getDimsList());
    }

    static String describe(int type, List<Long> dims) {
        return ElementTypes.name(type) + dims;
    }
}
