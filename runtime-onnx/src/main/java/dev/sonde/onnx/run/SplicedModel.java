package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.onnx.file.InputShapes;
import dev.sonde.onnx.plan.Assembly;
import dev.sonde.onnx.plan.Domains;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Splice;

/** Builds the model that a program runs. */
final class SplicedModel {
    private static final int EPILOGUE_IR = 10;

    private SplicedModel() {}

    static ModelProto build(Program program, ModelProto skeleton) {
        Splice splice = program.splice();
        Assembly assembly = program.assembly();
        GraphProto.Builder graph = GraphProto.newBuilder().setName("sonde").addAllNode(assembly.nodes());
        ModelProto.Builder model = splice.onModel() ? shell(skeleton) : epilogue(splice.opset());
        if (splice.onModel()) {
            addSources(skeleton.getGraph(), assembly, graph);
        }
        splice.inputs().stream()
                .filter(input -> assembly.sources().contains(input.getName()))
                .forEach(graph::addInput);
        splice.initializers().stream()
                .filter(tensor -> assembly.sources().contains(tensor.getName()))
                .forEach(graph::addInitializer);
        // the type of an output is found by inference
        splice.outputs()
                .forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        Domains.addMissing(model, splice.nodes(), skeleton); // operators that the user named
        return model.setGraph(graph).build();
    }

    private static void addSources(GraphProto skeleton, Assembly assembly, GraphProto.Builder graph) {
        boolean forget = InputShapes.mayBeForgotten(assembly.nodes());
        skeleton.getInputList().stream()
                .filter(input -> assembly.sources().contains(input.getName()))
                .map(input -> forget ? InputShapes.forget(input) : input)
                .forEach(graph::addInput);
        skeleton.getInitializerList().stream()
                .filter(tensor -> assembly.sources().contains(tensor.getName()))
                .forEach(graph::addInitializer);
        graph.addAllQuantizationAnnotation(skeleton.getQuantizationAnnotationList());
    }

    private static ModelProto.Builder shell(ModelProto skeleton) {
        return ModelProto.newBuilder()
                .setIrVersion(skeleton.getIrVersion())
                .addAllOpsetImport(skeleton.getOpsetImportList())
                .addAllFunctions(skeleton.getFunctionsList());
    }

    private static ModelProto.Builder epilogue(int opset) {
        return ModelProto.newBuilder()
                .setIrVersion(EPILOGUE_IR)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset));
    }
}
