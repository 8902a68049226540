package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Carries tensors into ONNX Runtime and out of it. */
final class OrtTensors {
    private OrtTensors() {}

    /** Returns a tensor over a direct copy of the elements, which it reads in place. */
    static OnnxTensor in(OrtEnvironment environment, Tensor tensor) throws OrtException {
        int size = tensor.bytes().remaining();
        return in(environment, tensor, ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder()));
    }

    /** Returns a tensor over the elements, which are copied to direct memory of their size. */
    static OnnxTensor in(OrtEnvironment environment, Tensor tensor, ByteBuffer direct) throws OrtException {
        direct.put(tensor.bytes()).flip();
        OnnxJavaType type = ElementTypes.javaType(ElementTypes.of(tensor.dtype()))
                .orElseThrow(() -> new SondeException(
                        "unsupported-dtype", "ONNX Runtime's Java interface takes no " + tensor.dtype()));
        return OnnxTensor.createTensor(environment, direct, tensor.shape(), type);
    }

    /** Returns a copy of the first elements of an axis. */
    static OnnxTensor first(OrtEnvironment environment, OnnxTensor tensor, int axis, int count) throws OrtException {
        long[] shape = tensor.getInfo().getShape().clone();
        ByteBuffer all = tensor.getByteBuffer();
        int outer = 1;
        for (int i = 0; i < axis; i++) {
            outer *= (int) shape[i];
        }
        int before = outer == 0 ? 0 : all.remaining() / outer;
        int after = shape[axis] == 0 ? 0 : before / (int) shape[axis] * count;
        shape[axis] = count;
        ByteBuffer some = ByteBuffer.allocateDirect(after * outer).order(ByteOrder.nativeOrder());
        for (int i = 0; i < outer; i++) {
            some.put(i * after, all, i * before, after);
        }
        return OnnxTensor.createTensor(environment, some, shape, tensor.getInfo().type);
    }

    /** Returns a copy of some elements of the first axis. */
    static OnnxTensor rows(OrtEnvironment environment, OnnxTensor tensor, List<Integer> rows) throws OrtException {
        long[] shape = tensor.getInfo().getShape().clone();
        ByteBuffer all = tensor.getByteBuffer();
        int stride = shape[0] == 0 ? 0 : all.remaining() / (int) shape[0];
        shape[0] = rows.size();
        ByteBuffer some = ByteBuffer.allocateDirect(stride * rows.size()).order(ByteOrder.nativeOrder());
        for (int i = 0; i < rows.size(); i++) {
            some.put(i * stride, all, rows.get(i) * stride, stride);
        }
        return OnnxTensor.createTensor(environment, some, shape, tensor.getInfo().type);
    }

    /** Returns a copy. */
    static Tensor out(OnnxTensor tensor, List<String> names) {
        DType dtype = dtype(tensor.getInfo());
        long[] shape = tensor.getInfo().getShape();
        List<String> known = names.size() == shape.length ? names : List.of();
        return Tensor.wrap(dtype, shape, known, tensor.getByteBuffer());
    }

    static DType dtype(TensorInfo info) {
        return ElementTypes.dtype(ElementTypes.ofJava(info.type))
                .orElseThrow(
                        () -> new SondeException("unsupported-dtype", "Sonde has no tensors of type " + info.type));
    }
}
