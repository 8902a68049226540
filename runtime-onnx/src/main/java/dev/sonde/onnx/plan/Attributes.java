package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import com.google.protobuf.ByteString;
import java.util.Collection;

/** Makes and reads attributes of nodes. */
final class Attributes {
    private Attributes() {}

    /** Returns the number that a node has under that name. */
    static long number(NodeProto node, String name, long otherwise) {
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals(name))
                .mapToLong(AttributeProto::getI)
                .findFirst()
                .orElse(otherwise);
    }

    static AttributeProto of(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value)
                .build();
    }

    static AttributeProto of(String name, Collection<? extends Number> values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
        values.forEach(value -> attribute.addInts(value.longValue()));
        return attribute.build();
    }

    static AttributeProto of(String name, String text) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(text))
                .build();
    }
}
