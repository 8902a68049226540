package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.onnx.file.InputShapes;
import dev.sonde.onnx.plan.Assembly;
import dev.sonde.onnx.plan.Domains;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Segment;
import dev.sonde.onnx.plan.Splice;
import java.util.List;
import java.util.Map;

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
        addOwn(splice, assembly, graph);
        // the type of an output is found by inference
        splice.outputs()
                .forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        Domains.addMissing(model, splice.nodes(), skeleton); // operators that the user named
        return model.setGraph(graph).build();
    }

    /**
     * Builds the model of one segment.
     *
     * @param types element types of what earlier segments give
     */
    static ModelProto build(Program program, ModelProto skeleton, Segment segment, Map<String, Integer> types) {
        Assembly part = new Assembly(segment.nodes(), segment.reads(), List.of());
        GraphProto.Builder graph = GraphProto.newBuilder().setName("sonde").addAllNode(part.nodes());
        ModelProto.Builder model = shell(skeleton);
        addSources(skeleton.getGraph(), part, graph);
        addOwn(program.splice(), part, graph);
        segment.reads().stream()
                .filter(types::containsKey)
                .sorted()
                .forEach(name -> graph.addInput(tensor(name, types.getOrDefault(name, 0))));
        segment.gives()
                .forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        Domains.addMissing(model, program.splice().nodes(), skeleton);
        return model.setGraph(graph).build();
    }

    private static ValueInfoProto tensor(String name, int type) {
        ValueInfoProto.Builder value = ValueInfoProto.newBuilder().setName(name);
        value.getTypeBuilder().getTensorTypeBuilder().setElemType(type);
        return value.build();
    }

    private static void addOwn(Splice splice, Assembly assembly, GraphProto.Builder graph) {
        splice.inputs().stream()
                .filter(input -> assembly.sources().contains(input.getName()))
                .forEach(graph::addInput);
        splice.initializers().stream()
                .filter(tensor -> assembly.sources().contains(tensor.getName()))
                .forEach(graph::addInitializer);
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
