package dev.sonde.onnx.file;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A constant of a model: a weight, a table, a shape. Immutable; its bytes are mapped when they are asked for. */
public final class Constant {
    private final String name;
    private final int elementType;
    private final long[] shape;
    private final Supplier<ByteBuffer> source;

    Constant(String name, int elementType, List<Long> dims, Supplier<ByteBuffer> source) {
        this.name = name;
        this.elementType = elementType;
        this.shape = dims.stream().mapToLong(Long::longValue).toArray();
        this.source = source;
    }

    public String name() {
        return name;
    }

    /** Returns ONNX's number of the element type, for example 1 for float32 ({@code TensorProto.DataType}). */
    public int elementType() {
        return elementType;
    }

    /** Returns the element type, if it is one that {@link Tensor} can hold. */
    public Optional<DType> dtype() {
        return ElementTypes.dtype(elementType);
    }

    public long[] shape() {
        return shape.clone();
    }

    /**
     * Returns the elements, little-endian and read-only, in a buffer with a position of its own; nothing is copied where they
     * lie in a file.
     *
     * @throws SondeException {@code tensor-too-large} from 2 GiB on
     */
    public ByteBuffer bytes() {
        return source.get().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Returns this constant as a tensor over the same bytes.
     *
     * @throws SondeException {@code unknown-dtype} if no tensor can have its element type
     */
    public Tensor toTensor() {
        DType dtype = dtype().orElseThrow(() -> new SondeException(
                "unknown-dtype",
                "Constant '" + name + "' cannot be read as a tensor: expected an element type of Sonde but was "
                        + ElementTypes.name(elementType)));
        return Tensor.wrap(dtype, shape, List.of(), bytes());
    }

    @Override
    public String toString() {
        return name + " "
                + TensorReader.describe(
                        elementType, Arrays.stream(shape).boxed().toList());
    }
}
