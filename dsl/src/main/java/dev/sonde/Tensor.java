package dev.sonde;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * An immutable array of numbers with a shape and, where they are known, axis names; row-major, little-endian.
 *
 * <p>A result of several prompts of different lengths is <em>ragged</em>: it is padded with zeros along {@code position}
 * to the longest prompt, and {@link #row(int)} returns each prompt's own part.
 *
 * <p>Tensors own their memory (nothing has to be closed) and are safe for many threads.
 */
public final class Tensor {
    private final DType dtype;
    private final long[] shape;
    private final List<String> names;
    private final ByteBuffer data;
    private final long @Nullable [] lengths;

    private Tensor(DType dtype, long[] shape, List<String> names, ByteBuffer data, long @Nullable [] lengths) {
        this.dtype = dtype;
        this.shape = shape;
        this.names = names;
        this.data = data;
        this.lengths = lengths;
    }

    /**
     * Returns a tensor over a copy of {@code bytes}' remaining little-endian content.
     *
     * @param names one name per axis, {@code ""} for an unnamed one, or an empty list for no names
     * @throws SondeException {@code tensor-size} if the bytes do not fill the shape
     */
    public static Tensor copyOf(DType dtype, long[] shape, List<String> names, ByteBuffer bytes) {
        ByteBuffer copy = ByteBuffer.allocate(bytes.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        copy.put(bytes.duplicate()).flip();
        return wrap(dtype, shape, names, copy);
    }

    /**
     * Returns a tensor over {@code bytes} without copying; the caller must not change them afterwards.
     *
     * @param names one name per axis, {@code ""} for an unnamed one, or an empty list for no names
     * @throws SondeException {@code tensor-size} if the bytes do not fill the shape
     */
    public static Tensor wrap(DType dtype, long[] shape, List<String> names, ByteBuffer bytes) {
        long count = 1;
        for (long dim : shape) {
            if (dim < 0) {
                throw new SondeException("tensor-size", "A tensor cannot have shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, dim);
        }
        if (Math.multiplyExact(count, (long) dtype.bytes()) != bytes.remaining()) {
            throw new SondeException(
                    "tensor-size",
                    "A " + dtype + Arrays.toString(shape) + " needs " + count * dtype.bytes() + " bytes but was given "
                            + bytes.remaining());
        }
        if (!names.isEmpty() && names.size() != shape.length) {
            throw new SondeException(
                    "tensor-size", "Axis names " + names + " do not fit shape " + Arrays.toString(shape));
        }
        List<String> all = names.isEmpty() ? Collections.nCopies(shape.length, "") : List.copyOf(names);
        ByteBuffer view = bytes.slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
        return new Tensor(dtype, shape.clone(), all, view, null);
    }

    /** Several values without a shape are a vector; one is a tensor without axes. */
    private static long[] vector(int count, long... shape) {
        return shape.length == 0 && count != 1 ? new long[] {count} : shape;
    }

    /**
     * Returns a float32 tensor holding a copy of {@code values} in row-major order.
     *
     * @param shape if there is none, several values are a vector and one value is a tensor without axes
     */
    public static Tensor of(float[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return wrap(DType.FLOAT32, vector(values.length, shape), List.of(), bytes);
    }

    /** Returns an int64 tensor holding a copy of {@code values} in row-major order. */
    public static Tensor of(long[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        return wrap(DType.INT64, vector(values.length, shape), List.of(), bytes);
    }

    /** Returns a boolean tensor holding a copy of {@code values} in row-major order. */
    public static Tensor of(boolean[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length);
        for (boolean value : values) {
            bytes.put((byte) (value ? 1 : 0));
        }
        return wrap(DType.BOOL, vector(values.length, shape), List.of(), bytes.flip());
    }

    /** Returns a tensor without axes of the given type; the number is rounded to it. */
    public static Tensor scalar(DType dtype, double value) {
        ByteBuffer bytes = ByteBuffer.allocate(dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        switch (dtype) {
            case FLOAT32 -> bytes.putFloat((float) value);
            case FLOAT64 -> bytes.putDouble(value);
            case INT64 -> bytes.putLong((long) value);
            case INT32 -> bytes.putInt((int) value);
            case INT16 -> bytes.putShort((short) value);
            case INT8, UINT8 -> bytes.put((byte) (long) value);
            case BOOL -> bytes.put((byte) (value != 0 ? 1 : 0));
            case FLOAT16 -> bytes.putShort(Halves.toFloat16((float) value));
            case BFLOAT16 -> bytes.putShort(Halves.toBfloat16((float) value));
        }
        return wrap(dtype, new long[0], List.of(), bytes.flip());
    }

    /** Returns the type of the elements. */
    public DType dtype() {
        return dtype;
    }

    /** Returns a copy of the shape. */
    public long[] shape() {
        return shape.clone();
    }

    /** Returns the size of one axis; {@code axis} may be negative, counting from the last. */
    public long size(int axis) {
        return shape[axis < 0 ? axis + shape.length : axis];
    }

    /** Returns the number of axes. */
    public int rank() {
        return shape.length;
    }

    /** Returns one name per axis, {@code ""} where an axis has none. */
    public List<String> names() {
        return names;
    }

    /** Returns the number of elements. */
    public int count() {
        return data.remaining() / dtype.bytes();
    }

    /** Returns a read-only little-endian view of the elements. */
    public ByteBuffer bytes() {
        return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns this tensor under other axis names. */
    public Tensor withNames(List<String> newNames) {
        Tensor renamed = wrap(dtype, shape, newNames, data.duplicate());
        return lengths == null ? renamed : renamed.withRowLengths(lengths);
    }

    /** Returns this tensor marked as ragged: row i has {@code rowLengths[i]} positions, the rest is padding. */
    public Tensor withRowLengths(long[] rowLengths) {
        if (shape.length == 0 || rowLengths.length != shape[0]) {
            throw new SondeException(
                    "tensor-size", rowLengths.length + " row lengths do not fit shape " + Arrays.toString(shape));
        }
        return new Tensor(dtype, shape, names, data, rowLengths.clone());
    }

    /** Returns whether rows have positions of their own number, so that only {@link #row(int)} shows what is real. */
    public boolean isRagged() {
        return lengths != null;
    }

    /** Returns how many positions each row has, or no numbers if all have the same. */
    public long[] rowLengths() {
        return lengths == null ? new long[0] : lengths.clone();
    }

    /** Returns row {@code row} of the first axis, without it, trimmed to the row's own positions. */
    public Tensor row(int row) {
        Objects.checkIndex(row, shape.length == 0 ? 0 : (int) shape[0]);
        long[] rest = Arrays.copyOfRange(shape, 1, shape.length);
        int stride = data.remaining() / Math.max(1, (int) shape[0]);
        ByteBuffer part = data.duplicate();
        part.position(row * stride).limit((row + 1) * stride);
        Tensor whole = wrap(dtype, rest, names.subList(1, names.size()), part.slice());
        if (lengths == null) {
            return whole;
        }
        Tensor trimmed = whole;
        for (String axis : List.of("position", "query", "key")) {
            int at = trimmed.names.indexOf(axis);
            if (at >= 0) {
                trimmed = trimmed.cut(at, (int) lengths[row]);
            }
        }
        return trimmed;
    }

    private Tensor cut(int axis, int length) {
        long outer = 1;
        for (int i = 0; i < axis; i++) {
            outer *= shape[i];
        }
        int inner = dtype.bytes();
        for (int i = axis + 1; i < shape.length; i++) {
            inner *= (int) shape[i];
        }
        long[] cutShape = shape.clone();
        cutShape[axis] = length;
        if (outer == 1) {
            return wrap(dtype, cutShape, names, data.slice(0, length * inner));
        }
        ByteBuffer out = ByteBuffer.allocate((int) outer * length * inner).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < outer; i++) {
            ByteBuffer part = data.duplicate();
            int from = i * (int) shape[axis] * inner;
            part.position(from).limit(from + length * inner);
            out.put(part);
        }
        return wrap(dtype, cutShape, names, out.flip());
    }

    /**
     * Returns the element at {@code index}, one number per axis, negative ones counting from the end.
     *
     * @throws IndexOutOfBoundsException if an index is outside its axis
     */
    public double at(long... index) {
        if (index.length != shape.length) {
            throw new IndexOutOfBoundsException(
                    index.length + " indices for " + this.describe() + " of " + shape.length + " axes");
        }
        long flat = 0;
        for (int i = 0; i < index.length; i++) {
            long at = index[i] < 0 ? index[i] + shape[i] : index[i];
            flat = flat * shape[i] + Objects.checkIndex(at, shape[i]);
        }
        return element((int) flat);
    }

    /** Returns the only element of a tensor of one element. */
    public double item() {
        if (count() != 1) {
            throw new IndexOutOfBoundsException("item() needs one element but " + describe() + " has " + count());
        }
        return element(0);
    }

    private double element(int flat) {
        int at = flat * dtype.bytes();
        return switch (dtype) {
            case FLOAT32 -> data.getFloat(at);
            case FLOAT64 -> data.getDouble(at);
            case FLOAT16 -> Halves.ofFloat16(data.getShort(at));
            case BFLOAT16 -> Halves.ofBfloat16(data.getShort(at));
            case INT64 -> data.getLong(at);
            case INT32 -> data.getInt(at);
            case INT16 -> data.getShort(at);
            case INT8 -> data.get(at);
            case UINT8, BOOL -> data.get(at) & 0xff;
        };
    }

    /** Returns the elements in row-major order, converted to float. */
    public float[] toFloats() {
        float[] out = new float[count()];
        if (dtype == DType.FLOAT32) {
            bytes().asFloatBuffer().get(out);
        } else {
            for (int i = 0; i < out.length; i++) {
                out[i] = (float) element(i);
            }
        }
        return out;
    }

    /** Returns the elements in row-major order, converted to double. */
    public double[] toDoubles() {
        double[] out = new double[count()];
        for (int i = 0; i < out.length; i++) {
            out[i] = element(i);
        }
        return out;
    }

    /**
     * Returns the elements in row-major order as whole numbers.
     *
     * @throws SondeException {@code wrong-dtype} if this is a floating-point tensor
     */
    public long[] toLongs() {
        if (dtype.isFloat()) {
            throw new SondeException("wrong-dtype", "toLongs() needs whole numbers but this is " + describe());
        }
        long[] out = new long[count()];
        for (int i = 0; i < out.length; i++) {
            out[i] = dtype == DType.INT64 ? data.getLong(i * 8) : (long) element(i);
        }
        return out;
    }

    /** One entry of {@link #topK(int)}: the index along the last axis, and the value found there. */
    public record Entry(int index, double value) {}

    /** Returns the {@code k} largest elements, largest first, by their index in row-major order. */
    public List<Entry> topK(int k) {
        double[] all = toDoubles();
        return IntStream.range(0, all.length)
                .mapToObj(i -> new Entry(i, all[i]))
                .sorted(Comparator.comparingDouble((Entry e) -> -e.value()).thenComparingInt(Entry::index))
                .limit(k)
                .toList();
    }

    /** Returns type and shape, such as {@code float32[batch=1, position=7, d_model=64]}. */
    public String describe() {
        List<String> dims = new ArrayList<>();
        for (int i = 0; i < shape.length; i++) {
            dims.add(names.get(i).isEmpty() ? Long.toString(shape[i]) : names.get(i) + "=" + shape[i]);
        }
        return dtype + "[" + String.join(", ", dims) + "]";
    }

    /** Compares type, shape, names and every bit of the content. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Tensor that
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && names.equals(that.names)
                && Arrays.equals(lengths, that.lengths)
                && data.equals(that.data);
    }

    @Override
    public int hashCode() {
        return Objects.hash(dtype, Arrays.hashCode(shape), data);
    }

    /** Returns {@link #describe()} and the first numbers. */
    @Override
    public String toString() {
        String head = IntStream.range(0, Math.min(8, count()))
                .mapToObj(i -> dtype.isFloat()
                        ? String.format(Locale.ROOT, "%.6g", element(i))
                        : Long.toString((long) element(i)))
                .collect(Collectors.joining(", "));
        return describe() + " {" + head + (count() > 8 ? ", ..." : "") + "}";
    }
}
