package dev.sonde.onnx.file;

import ai.onnxruntime.OnnxJavaType;
import dev.sonde.DType;
import java.util.List;
import java.util.Optional;

/** What ONNX's numbers for element types mean, up to IR version 13 (newer than the generated {@code DataType}). */
public final class ElementTypes {
    static final int STRING = 8;

    private static final List<String> NAMES = List.of(
            "undefined",
            "float32",
            "uint8",
            "int8",
            "uint16",
            "int16",
            "int32",
            "int64",
            "string",
            "bool",
            "float16",
            "float64",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
            "bfloat16",
            "float8e4m3fn",
            "float8e4m3fnuz",
            "float8e5m2",
            "float8e5m2fnuz",
            "uint4",
            "int4",
            "float4e2m1",
            "float8e8m0",
            "uint2",
            "int2");

    private static final int[] BITS = {
        0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4, 4, 8, 2, 2
    };

    private ElementTypes() {}

    static boolean isKnown(int type) {
        return type > 0 && type < NAMES.size();
    }

    static String name(int type) {
        return isKnown(type) ? NAMES.get(type) : "element type " + type;
    }

    static int bits(int type) {
        return BITS[type];
    }

    /** Returns the bytes of {@code count} elements, or -1 when the number does not fit. Types below 8 bits are packed. */
    public static long bytes(int type, long count) {
        try {
            return Math.addExact(Math.multiplyExact(count, BITS[type]), 7) / 8;
        } catch (ArithmeticException tooMany) {
            return -1;
        }
    }

    /** Returns the product of {@code dims}, or -1 when one is negative or the product does not fit. */
    public static long count(List<Long> dims) {
        long count = 1;
        boolean empty = false;
        for (long dim : dims) {
            if (dim < 0) {
                return -1;
            }
            empty |= dim == 0;
        }
        if (empty) {
            return 0;
        }
        try {
            for (long dim : dims) {
                count = Math.multiplyExact(count, dim);
            }
        } catch (ArithmeticException tooMany) {
            return -1;
        }
        return count;
    }

    /** Returns the element type with that number, if Sonde has it. */
    public static Optional<DType> dtype(int type) {
        return switch (type) {
            case 1 -> Optional.of(DType.FLOAT32);
            case 2 -> Optional.of(DType.UINT8);
            case 3 -> Optional.of(DType.INT8);
            case 5 -> Optional.of(DType.INT16);
            case 6 -> Optional.of(DType.INT32);
            case 7 -> Optional.of(DType.INT64);
            case 9 -> Optional.of(DType.BOOL);
            case 10 -> Optional.of(DType.FLOAT16);
            case 11 -> Optional.of(DType.FLOAT64);
            case 16 -> Optional.of(DType.BFLOAT16);
            default -> Optional.empty();
        };
    }

    /** Returns the type with which ONNX Runtime's Java API takes and gives such tensors, if it does. */
    public static Optional<OnnxJavaType> javaType(int type) {
        return switch (type) {
            case 1 -> Optional.of(OnnxJavaType.FLOAT);
            case 2 -> Optional.of(OnnxJavaType.UINT8);
            case 3 -> Optional.of(OnnxJavaType.INT8);
            case 5 -> Optional.of(OnnxJavaType.INT16);
            case 6 -> Optional.of(OnnxJavaType.INT32);
            case 7 -> Optional.of(OnnxJavaType.INT64);
            case 9 -> Optional.of(OnnxJavaType.BOOL);
            case 10 -> Optional.of(OnnxJavaType.FLOAT16);
            case 11 -> Optional.of(OnnxJavaType.DOUBLE);
            case 16 -> Optional.of(OnnxJavaType.BFLOAT16);
            default -> Optional.empty();
        };
    }

    /** The reverse of {@link #javaType}, or 0. */
    public static int ofJava(OnnxJavaType type) {
        for (int i = 1; i < NAMES.size(); i++) {
            if (javaType(i).filter(t -> t == type).isPresent()) {
                return i;
            }
        }
        return 0;
    }

    /** Returns ONNX's number for that type. */
    public static int of(DType type) {
        for (int i = 1; i < NAMES.size(); i++) {
            if (dtype(i).filter(t -> t == type).isPresent()) {
                return i;
            }
        }
        throw new IllegalArgumentException(type.toString());
    }
}
