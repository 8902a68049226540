package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;

/** Shapes as inputs declare them. */
final class TensorShapes {
    private TensorShapes() {}

    /** Returns a shape of which only the number of axes is known. */
    static TensorShapeProto open(int rank) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int i = 0; i < rank; i++) {
            shape.addDim(Dimension.getDefaultInstance());
        }
        return shape.build();
    }

    static TensorShapeProto fixed(long... sizes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (long size : sizes) {
            shape.addDim(Dimension.newBuilder().setDimValue(size));
        }
        return shape.build();
    }
}
