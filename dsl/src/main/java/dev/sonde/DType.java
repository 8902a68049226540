package dev.sonde;

import java.util.Locale;

/** The type of a tensor's elements. */
public enum DType {
    FLOAT32(4, "F32"),
    FLOAT64(8, "F64"),
    FLOAT16(2, "F16"),
    BFLOAT16(2, "BF16"),
    INT64(8, "I64"),
    INT32(4, "I32"),
    INT16(2, "I16"),
    INT8(1, "I8"),
    UINT8(1, "U8"),
    BOOL(1, "BOOL");

    private final int bytes;
    private final String safetensors;

    DType(int bytes, String safetensors) {
        this.bytes = bytes;
        this.safetensors = safetensors;
    }

    /** Returns the size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Returns the name that the safetensors format gives this type, such as {@code F32}. */
    public String safetensorsName() {
        return safetensors;
    }

    /** Returns whether elements are floating-point numbers. */
    public boolean isFloat() {
        return this == FLOAT32 || this == FLOAT64 || this == FLOAT16 || this == BFLOAT16;
    }

    /** Returns whether elements are whole numbers ({@link #BOOL} is not). */
    public boolean isInteger() {
        return !isFloat() && this != BOOL;
    }

    /**
     * Returns the type that {@link #toString()} prints as {@code text}.
     *
     * @throws SondeException {@code unknown-dtype} if there is none
     */
    public static DType parse(String text) {
        for (DType type : values()) {
            if (type.toString().equals(text) || type.safetensors.equals(text)) {
                return type;
            }
        }
        throw new SondeException(
                "unknown-dtype",
                "Unknown element type '" + text + "': expected one of float32, float64,"
                        + " float16, bfloat16, int64, int32, int16, int8, uint8, bool");
    }

    /** Returns the lower-case name, such as {@code float32}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
