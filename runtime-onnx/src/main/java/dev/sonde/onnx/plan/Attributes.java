package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import com.google.protobuf.ByteString;
import dev.sonde.graph.Attribute;
import dev.sonde.graph.Node;
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

    /** Returns a node of that operator and its attributes, without inputs and outputs. */
    static NodeProto.Builder node(Node.Onnx onnx) {
        NodeProto.Builder node = NodeProto.newBuilder().setDomain(onnx.domain()).setOpType(onnx.operator());
        onnx.attributes().forEach((name, attribute) -> node.addAttribute(of(name, attribute)));
        return node;
    }

    private static AttributeProto of(String name, Attribute attribute) {
        if (attribute instanceof Attribute.Whole whole) {
            return of(name, whole.value());
        }
        if (attribute instanceof Attribute.Wholes wholes) {
            return of(name, wholes.values());
        }
        if (attribute instanceof Attribute.Text text) {
            return of(name, text.value());
        }
        AttributeProto.Builder proto = AttributeProto.newBuilder().setName(name);
        if (attribute instanceof Attribute.Real real) {
            return proto.setType(AttributeProto.AttributeType.FLOAT)
                    .setF((float) real.value())
                    .build();
        }
        ((Attribute.Reals) attribute).values().forEach(value -> proto.addFloats(value.floatValue()));
        return proto.setType(AttributeProto.AttributeType.FLOATS).build();
    }
}
