package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.sonde.SondeException;
import dev.sonde.onnx.file.ElementTypes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;

/** Puts values into files, from where they are read when they are needed. The files have no name and go with their values. */
final class Spill {
    private Spill() {}

    /** Returns the size of a tensor in bytes, -1 if it cannot be put into a file. */
    static long bytes(OnnxTensor tensor) {
        TensorInfo info = tensor.getInfo();
        if (info.type == OnnxJavaType.STRING || info.type == OnnxJavaType.UNKNOWN) {
            return -1;
        }
        return ElementTypes.bytes(ElementTypes.ofJava(info.type), info.getNumElements());
    }

    /** Returns a tensor of the same elements, which lie in a file, and frees the given one. */
    static OnnxTensor toFile(OrtEnvironment environment, OnnxTensor tensor) {
        TensorInfo info = tensor.getInfo();
        try {
            ByteBuffer mapped = mapped(tensor.getByteBuffer()).order(ByteOrder.nativeOrder());
            OnnxTensor spilled = OnnxTensor.createTensor(environment, mapped, info.getShape(), info.type);
            tensor.close();
            return spilled;
        } catch (IOException e) {
            throw new SondeException(
                    "cannot-write",
                    "Values over the memory budget cannot be put into a file of " + System.getProperty("java.io.tmpdir")
                            + ": " + e.getMessage(),
                    e);
        } catch (OrtException e) {
            throw new SondeException("engine", "A value cannot be read from a file: " + e.getMessage(), e);
        }
    }

    private static ByteBuffer mapped(ByteBuffer bytes) throws IOException {
        long size = bytes.remaining();
        try (FileChannel file = FileChannel.open(
                Files.createTempFile("sonde", ".values"),
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.DELETE_ON_CLOSE)) {
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
            return file.map(FileChannel.MapMode.READ_ONLY, 0, size); // stays when the file is closed
        }
    }
}
