package dev.sonde.onnx.run;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Makes the tensors that a run gives to the file's inputs. */
final class ModelInputs {
    private final ModelManifest manifest;
    private final RunInput run;
    private final Map<String, Long> sizes;

    ModelInputs(ModelManifest manifest, RunInput run) {
        this.manifest = manifest;
        this.run = run;
        this.sizes = new ShapeRules(manifest).sizes(run);
    }

    /** Returns the tensor for an input: what was given, else what its role says. */
    Tensor tensor(String name) {
        Tensor given = given(name);
        if (given != null) {
            return given;
        }
        ModelInput input = manifest.inputs().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow(() -> missing(name));
        return switch (input.role()) {
            case TOKENS -> numbers(input, tokens(input));
            case ATTENTION_MASK -> numbers(input, mask(input));
            case POSITION_IDS -> numbers(input, positions(input));
            case TOKEN_TYPES, PAST -> numbers(input, new long[count(shape(input))]);
            case OTHER -> throw missing(name);
        };
    }

    private SondeException missing(String name) {
        return new SondeException(
                "missing-input",
                "Input '" + name + "' is not given: model '" + manifest.name() + "' expects "
                        + manifest.inputs().stream().map(ModelInput::name).toList());
    }

    private @Nullable Tensor given(String name) {
        return run instanceof RunInput.Tokens tokens
                ? tokens.extra().get(name)
                : ((RunInput.Tensors) run).tensors().get(name);
    }

    private long[] tokens(ModelInput input) {
        if (!(run instanceof RunInput.Tokens tokens)) {
            throw missing(input.name());
        }
        int width = tokens.lengths().stream().mapToInt(Long::intValue).max().orElse(0);
        long[] ids = new long[tokens.rows() * width];
        for (int row = 0; row < tokens.rows(); row++) {
            List<Long> own = tokens.ids().get(row);
            for (int i = 0; i < own.size(); i++) {
                ids[row * width + i] = own.get(i);
            }
        }
        return ids;
    }

    private long[] mask(ModelInput input) {
        long[] shape = shape(input);
        long[] mask = new long[count(shape)];
        if (!(run instanceof RunInput.Tokens tokens) || shape.length != 2) {
            java.util.Arrays.fill(mask, 1);
            return mask;
        }
        int width = (int) shape[1];
        for (int row = 0; row < tokens.rows(); row++) {
            java.util.Arrays.fill(
                    mask, row * width, row * width + tokens.ids().get(row).size(), 1);
        }
        return mask;
    }

    /** Counts from each row's first token: without a mask that is every row's start. */
    private long[] positions(ModelInput input) {
        long[] shape = shape(input);
        int width = (int) shape[shape.length - 1];
        long[] positions = new long[count(shape)];
        long[] mask = givenMask();
        for (int i = 0; i < positions.length; i++) {
            long before = i % width == 0 ? 0 : positions[i - 1] + 1;
            positions[i] = before;
        }
        return mask.length == positions.length ? counted(mask, width) : positions;
    }

    private long[] givenMask() {
        Tensor mask = manifest.input(ModelInput.Role.ATTENTION_MASK)
                .map(input -> given(input.name()))
                .orElse(null);
        return mask == null || mask.dtype().isFloat() ? new long[0] : mask.toLongs();
    }

    private static long[] counted(long[] mask, int width) {
        long[] positions = new long[mask.length];
        long seen = 0;
        for (int i = 0; i < mask.length; i++) {
            seen = (i % width == 0 ? 0 : seen) + mask[i];
            positions[i] = Math.max(seen - 1, 0);
        }
        return positions;
    }

    private long[] shape(ModelInput input) {
        long[] shape = new long[input.axes().size()];
        for (int i = 0; i < shape.length; i++) {
            AxisInfo axis = input.axes().get(i);
            OptionalLong size = axis.size().in(sizes);
            shape[i] = size.orElseThrow(() -> new SondeException(
                    "missing-input",
                    "Input '" + input.name() + "' cannot be filled: the size of its axis " + axis
                            + " does not follow from the inputs that are given"));
        }
        return shape;
    }

    private static int count(long[] shape) {
        int count = 1;
        for (long size : shape) {
            count = Math.multiplyExact(count, (int) size);
        }
        return count;
    }

    private Tensor numbers(ModelInput input, long[] values) {
        return numbers(input, shape(input), values);
    }

    /** Returns whole numbers in the type that an input takes. */
    static Tensor numbers(ModelInput input, long[] shape, long[] values) {
        DType dtype = input.dtype();
        ByteBuffer bytes = ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            put(bytes, dtype, value);
        }
        return Tensor.wrap(dtype, shape, List.of(), bytes.flip());
    }

    private static void put(ByteBuffer bytes, DType dtype, long value) {
        switch (dtype) {
            case FLOAT32 -> bytes.putFloat((float) value);
            case FLOAT64 -> bytes.putDouble((double) value);
            case FLOAT16 -> bytes.putShort((short) (value == 0 ? 0 : 0x3c00)); // only masks are, 0 or 1
            case BFLOAT16 -> bytes.putShort((short) (value == 0 ? 0 : 0x3f80));
            case INT64 -> bytes.putLong(value);
            case INT32 -> bytes.putInt((int) value);
            case INT16 -> bytes.putShort((short) value);
            case INT8, UINT8, BOOL -> bytes.put((byte) value);
        }
    }
}
