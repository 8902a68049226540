package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import dev.sonde.onnx.file.ElementTypes;
import java.util.List;

/** A model of one operator: inputs {@code x0, x1, ...}, output {@code y}. */
public final class OperatorModel {
    private static final int IR = 8;

    private OperatorModel() {}

    /** Returns the model, with operators in the versions that another model has. */
    public static ModelProto of(Node.Onnx onnx, List<ValueType> inputs, ModelProto versions) {
        NodeProto.Builder node = Attributes.node(onnx).setName("y");
        GraphProto.Builder graph = GraphProto.newBuilder().setName("operator");
        for (int i = 0; i < inputs.size(); i++) {
            node.addInput("x" + i);
            TypeProto.Tensor type = TypeProto.Tensor.newBuilder()
                    .setElemType(ElementTypes.of(inputs.get(i).dtype()))
                    .setShape(TensorShapes.open(inputs.get(i).rank()))
                    .build();
            graph.addInput(ValueInfoProto.newBuilder()
                    .setName("x" + i)
                    .setType(TypeProto.newBuilder().setTensorType(type)));
        }
        for (int i = 0; i < onnx.output(); i++) {
            node.addOutput("y" + i); // an output before the wanted one may not be left out
        }
        node.addOutput("y");
        graph.addNode(node).addOutput(ValueInfoProto.newBuilder().setName("y"));
        ModelProto.Builder model =
                ModelProto.newBuilder().setIrVersion(IR).addAllFunctions(versions.getFunctionsList());
        model.addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(Domains.version(versions, "")));
        Domains.addMissing(model, List.of(node.build()), versions);
        return model.setGraph(graph).build();
    }
}
